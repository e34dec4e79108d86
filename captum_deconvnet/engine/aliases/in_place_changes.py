"""In-place changes: what a change of one place of a storage does to its other places.

Every storage remembers the values standing in it, change after change. A place that was changed is
known, and those that surely share no number with it; another view of the same storage is put
together from what stood there when, and only when, somebody reads it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept
from captum_deconvnet.engine.tape.reach import whole
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.errors import UnsupportedOperationError

Kind = tuple[torch.dtype, bool, bool]
"""How numbers are read: by type, conjugated, negated."""

Place = tuple[torch.Size, tuple[int, ...], int, Kind]
"""Where a tensor lies in its storage: shape, strides, offset, and how its numbers are read."""


@dataclass
class Version:
    """The values known to stand in a storage after one change of it, and what stood there before.

    Without ``written`` nothing was changed yet: the places are those of new tensors.
    """

    places: dict[Place, Value] = field(default_factory=dict)
    written: Place | None = None
    before: Version | None = None
    flat: Value | None = None


@dataclass
class Storage:
    """One storage: its values, and the tensors in it that must outlive a change.

    ``reference`` keeps the address of the storage from being used again.
    """

    reference: StorageWeakRef
    size: int
    kind: Kind
    latest: Version = field(default_factory=Version)
    kept: list[weakref.ref[Kept]] = field(default_factory=list)


def write(storage: Storage, place: Place, value: Value) -> None:
    """A place of a storage was changed in place to ``value``; what overlaps it changes with it."""
    latest = storage.latest
    check_kind(storage, place)
    if value.flows and overlaps_itself(place):
        raise UnsupportedOperationError(
            "The model changes a view in place that holds the same number more than once, "
            "as unfold makes them: such a change cannot be followed. Change a copy instead."
        )
    is_last = latest.written == place or not latest.places.keys() - {place}
    before = None if covers(place, storage.size) else (latest.before if is_last else latest)
    apart = {known: held for known, held in latest.places.items() if are_apart(known, place)}
    storage.latest = Version({**apart, place: value}, place, before)


def derive(tape: Tape, storage: Storage, place: Place) -> Value:
    """The value of a place that overlaps changed ones."""
    check_kind(storage, place)
    return excerpt(tape, flatten(tape, storage), place)


def flatten(tape: Tape, storage: Storage) -> Value:
    """The value of the whole storage as one flat vector."""
    versions = [storage.latest]
    while versions[-1].before is not None and versions[-1].flat is None:
        versions.append(versions[-1].before)
    flat: Value | None = None
    for version in reversed(versions):
        flat = version.flat = _flat(tape, version, flat, storage)
    assert flat is not None
    return flat


def _flat(tape: Tape, version: Version, before: Value | None, storage: Storage) -> Value:
    """The whole storage in one version, from what it was in the version before."""
    if version.flat is not None:
        return version.flat
    places = [version.written] if version.written else _composing(version.places, storage)
    covering = [place for place in places if covers(place, storage.size)][:1]
    flat = None if covering else before
    for place in covering or places:
        flat = overlay(tape, flat, storage.size, version.places[place], place)
    assert flat is not None
    return flat


def _composing(places: Iterable[Place], storage: Storage) -> list[Place]:
    """The places from which a storage can be put together."""
    return [place for place in places if place[3] == storage.kind and not overlaps_itself(place)]


def check_kind(storage: Storage, place: Place) -> None:
    """Raise where numbers change under a view that reads them as another type."""
    if place[3] != storage.kind:
        raise UnsupportedOperationError(
            f"The model changes a tensor in place that is also read as another type "
            f"({_named(storage.kind)} and {_named(place[3])}): such a change cannot be followed. "
            "Change a copy instead."
        )


def _named(kind: Kind) -> str:
    dtype, conjugated, negated = kind
    return f"{dtype}{', conjugated' if conjugated else ''}{', negated' if negated else ''}"


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
