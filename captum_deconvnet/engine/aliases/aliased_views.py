"""Where tensors lie in their storage, and whether two of them can share a number.

Places of a storage as steps: what an in-place change does to the other views of a tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.reach import whole
from captum_deconvnet.engine.tape.tape import Step, Tape, Value

Kind = tuple[torch.dtype, bool, bool]
Place = tuple[torch.Size, tuple[int, ...], int, Kind]


def place_of(tensor: Tensor) -> Place:
    """Where a tensor lies in its storage; strides of single elements mean nothing."""
    shape, strides = tensor.shape, tensor.stride()
    if 1 in shape:
        sizes = zip(shape, strides, strict=True)
        strides = tuple(0 if size == 1 else stride for size, stride in sizes)
    return shape, strides, int(tensor.storage_offset()), kind_of(tensor)


def kind_of(tensor: Tensor) -> Kind:
    """How the numbers of a tensor are read: by type, conjugated, negated."""
    return tensor.dtype, tensor.is_conj(), tensor.is_neg()


def covers(place: Place, size: int) -> bool:
    """Whether a place takes up its whole storage."""
    return place[0].numel() == size and not overlaps_itself(place)


def overlaps_itself(place: Place) -> bool:
    """Whether some elements of a place are the same number in memory, as after ``expand``."""
    axes = zip(place[1], place[0], strict=True)
    return _repeats(axis for axis in axes if axis[1] > 1)


def _repeats(axes: Iterable[tuple[int, int]]) -> bool:
    """Whether steps of these strides, so many each, reach some number twice."""
    reached = 0
    for stride, size in sorted(axes):
        if stride <= reached:
            return True
        reached += stride * (size - 1)
    return False


def are_apart(one: Place, other: Place) -> bool:
    """Whether two places surely share no number, as the chunks of one tensor.

    Both are boxes of one grid: the strides of either are its axes. If no two points of the box
    around both are the same number, the places are apart just where the boxes are.
    """
    sizes, others = _sizes(one), _sizes(other)
    if one[3] != other[3] or sizes is None or others is None:
        return False
    strides = sorted({*sizes, *others, 1}, reverse=True)
    distance = other[2] - one[2]
    sign, left = (1 if distance >= 0 else -1), abs(distance)
    around, apart = [], False
    for stride in strides:
        steps, left = divmod(left, stride)
        start, size, end = sign * steps, sizes.get(stride, 1), others.get(stride, 1)
        around.append((stride, max(size, start + end) - min(0, start)))
        apart = apart or start >= size or start + end <= 0
    return apart and left == 0 and not _repeats(around)


def _sizes(place: Place) -> dict[int, int] | None:
    """How many steps of each stride; ``None`` if two axes have one stride, or none at all."""
    axes = [(stride, size) for size, stride in zip(place[0], place[1], strict=True) if size > 1]
    sizes = dict(axes)
    return sizes if len(sizes) == len(axes) and 0 not in sizes else None


pass


@dataclass(eq=False)
class Excerpt(Adjoint):
    """A place read out of a flat storage: the signal is added there."""

    size: int
    place: Place

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """A flat signal, zero outside the place."""
        flat = _positions(self.size, self.place, signal.device).flatten()
        return (signal.new_zeros(self.size).index_add(0, flat, signal.flatten()),)


@dataclass(eq=False)
class Overlay(Adjoint):
    """A flat storage after a value was written to a place of it.

    ``old`` and ``new`` tell which of the two was recorded: what stood there, what was written.
    """

    size: int
    place: Place
    old: bool
    new: bool

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal outside the place goes to the old value, inside to the new one."""
        positions = _positions(self.size, self.place, signal.device)
        parts: list[Tensor | None] = []
        if self.old:
            parts.append(signal.index_fill(0, positions.flatten(), 0))
        if self.new:
            parts.append(signal[positions])
        return parts


def _positions(size: int, place: Place, device: torch.device) -> Tensor:
    shape, strides, offset, _ = place
    return torch.arange(size, device=device).as_strided(shape, strides, offset)


def excerpt(tape: Tape, flat: Value, place: Place) -> Value:
    """The value of a place of a flat storage."""
    (size,) = flat.shape
    value = Value(torch.Size(place[0]), flows=flat.flows)
    if flat.flows:
        step = Excerpt((whole(1),), size, place)
        tape.steps.append(Step((flat,), value, step, "", "in-place view", "adjoint", "adjoint"))
    return value


def overlay(tape: Tape, flat: Value | None, size: int, written: Value, place: Place) -> Value:
    """The value of a flat storage after ``written`` was put into a place of it."""
    inputs = tuple(value for value in (flat, written) if value is not None and value.flows)
    result = Value(torch.Size((size,)), flows=bool(inputs))
    if inputs:
        adjoint = Overlay(
            tuple(whole(len(value.shape)) for value in inputs),
            size,
            place,
            flat is not None and flat.flows,
            written.flows,
        )
        tape.steps.append(Step(inputs, result, adjoint, "", "in-place write", "adjoint", "adjoint"))
    return result
