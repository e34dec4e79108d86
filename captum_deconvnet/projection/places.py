"""Where tensors lie in their storage, and whether two of them can share a number."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

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
