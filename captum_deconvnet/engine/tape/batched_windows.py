"""The windows of a batch of units in one value: one each, all of one size.

The signals of a batch are one tensor ``(units, C, h, w)``: each unit's window, cut out of the map
that a projection of the whole picture would hold. Whole maps are ``(slots, N, C, H, W)``, where a
slot holds at most one unit of each image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.engine.tape.reach import Extent


@dataclass(frozen=True)
class ImageSlots:
    """Which image each unit of a batch belongs to, and its slot in a whole tensor."""

    images: Tensor
    slots: Tensor
    count: int

    @classmethod
    def of(cls, images: Sequence[int], *, shared: bool) -> ImageSlots:
        """Give every unit a slot of its own, or the first one that its image has free."""
        taken: Counter[int] = Counter()
        slots = []
        for number, image in enumerate(images):
            slots.append(taken[image] if shared else number)
            taken[image] += 1
        return cls(torch.tensor(images), torch.tensor(slots), max(slots) + 1)


@dataclass(frozen=True, eq=False)
class BatchedWindows:
    """The windows of a batch of units in a value of ``shape``; they differ only in their place.

    Args:
        shape: the value's shape, the images first.
        extents: for each unit, the extent of the value that its place along each axis of the layer
            reaches.
        image_slots: whose image each unit is of.
    """

    shape: torch.Size
    extents: Sequence[Sequence[Extent]]
    image_slots: ImageSlots

    @cached_property
    def axes(self) -> tuple[int | None, ...]:
        """For each dimension, the axis of the layer whose place it follows; ``None`` if whole."""
        return tuple(
            next((axis for axis, one in enumerate(self.extents[0]) if dim and one[dim]), None)
            for dim in range(len(self.shape))
        )

    @cached_property
    def first(self) -> tuple[int, ...]:
        """Where the first unit's window starts; 0 along whole dimensions."""
        return tuple(
            0 if axis is None else self._span(0, axis, dim)[0] for dim, axis in enumerate(self.axes)
        )

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the batch's signal: the units, then the window."""
        return (len(self.extents), *(self._size(dim) for dim in range(1, len(self.shape))))

    def is_whole(self, dim: int) -> bool:
        """Whether the windows are all of a dimension."""
        return self._size(dim) == self.shape[dim]

    def starts(self, dim: int) -> list[int]:
        """Where each unit's window starts along a dimension."""
        axis = self.axes[dim]
        if axis is None:
            return [0] * len(self.extents)
        return [self._span(unit, axis, dim)[0] for unit in range(len(self.extents))]

    def _size(self, dim: int) -> int:
        axis = self.axes[dim]
        if axis is None:
            return self.shape[dim]
        start, last = self._span(0, axis, dim)
        return last - start + 1

    def _span(self, unit: int, axis: int, dim: int) -> tuple[int, int]:
        span = self.extents[unit][axis][dim]
        assert span is not None
        return span

    def crop(self, recorded: Tensor) -> Tensor:
        """The windows of a recorded tensor that broadcasts to the value; its single dims stay."""
        recorded = recorded.reshape((1,) * (len(self.shape) - recorded.dim()) + recorded.shape)
        images = self.image_slots.images.to(recorded.device)
        cut = [
            d
            for d in range(1, recorded.dim())
            if recorded.shape[d] > 1 and self.axes[d] is not None
        ]
        starts = {dim: self.starts(dim) for dim in cut}
        for dim in [dim for dim in cut if len(set(starts[dim])) == 1]:
            recorded = recorded.narrow(dim, self.first[dim], self.sizes[dim])
            cut.remove(dim)
        if recorded.shape[0] == 1:
            images = torch.zeros_like(images)
        if not cut:
            return recorded if recorded.shape[0] == 1 else recorded[images]
        return self._crop_each(recorded, images, {dim: starts[dim] for dim in cut})

    def _crop_each(self, recorded: Tensor, images: Tensor, starts: dict[int, list[int]]) -> Tensor:
        """Windows at different places, by indexing a view that has every window there is."""
        dims = recorded.dim()
        for dim in starts:
            recorded = recorded.unfold(dim, self.sizes[dim], 1)
        index: list[Tensor | slice] = [slice(None)] * dims
        index[0] = images
        for dim in starts:
            index[dim] = torch.tensor(starts[dim], device=images.device)
        left = [dim for dim in range(1, dims) if dim not in starts]
        found = recorded[tuple(index)]  # (units, the dimensions left, one dimension a window)
        stands = [0, *left, *starts]
        return found.permute([stands.index(dim) for dim in range(dims)])

    def fit(self, signal: Tensor, origin: Sequence[int]) -> Tensor | None:
        """A signal whose windows start at ``origin`` (for the first unit) cut or padded to these.

        What the signal has outside these windows is dropped: it lies outside the map.
        """
        before = [place - first for place, first in zip(origin[1:], self.first[1:], strict=True)]
        after = [
            size - (start + have)
            for size, start, have in zip(self.sizes[1:], before, signal.shape[1:], strict=True)
        ]
        pairs = list(zip(before, after, signal.shape[1:], strict=True))
        if any(-left >= have or -right >= have for left, right, have in pairs):
            return None
        if not any(before) and not any(after):
            return signal
        pads = [amount for left, right, _ in reversed(pairs) for amount in (left, right)]
        return F.pad(signal, pads)

    def reduce(self, signal: Tensor, origin: Sequence[int]) -> Tensor | None:
        """Fit a signal, summed over the dimensions that this value has single."""
        single = [dim for dim in range(1, len(self.shape)) if self.shape[dim] == 1]
        summed = [dim for dim in single if signal.shape[dim] > 1]
        if summed:
            signal = signal.sum(summed, keepdim=True)
        origin = [0 if dim in single else place for dim, place in enumerate(origin)]
        return self.fit(signal, origin)

    def broadcasts_from(self, shapes: Sequence[torch.Size]) -> bool:
        """Whether values of these shapes broadcast to this one with their images in place."""
        return all(len(shape) == len(self.shape) for shape in shapes)

    def moved_start(self, dim: int, by: int) -> tuple[int, ...]:
        """Where the first unit's window would start if moved along one dimension."""
        return (*self.first[:dim], self.first[dim] + by, *self.first[dim + 1 :])

    def scatter(self, signal: Tensor) -> Tensor:
        """The whole maps, zero outside the windows: (slots, N, C, H, W)."""
        whole = signal.new_zeros(self.image_slots.count, *self.shape)
        for unit, window in enumerate(self._windows()):
            whole[window] = signal[unit]
        return whole

    def gather(self, whole: Tensor) -> Tensor:
        """The windows of whole maps (slots, N, C, H, W)."""
        return torch.stack([whole[window] for window in self._windows()])

    def _windows(self) -> Iterator[tuple[int | slice, ...]]:
        """Each unit's window as an index into whole maps."""
        slots, images = self.image_slots.slots.tolist(), self.image_slots.images.tolist()
        starts = [self.starts(dim) for dim in range(1, len(self.shape))]
        for unit, place in enumerate(zip(slots, images, strict=True)):
            corner = [start[unit] for start in starts]
            sides = zip(corner, self.sizes[1:], strict=True)
            yield (*place, *(slice(first, first + size) for first, size in sides))


def fitted(windows: BatchedWindows | None, signal: Tensor, origin: Sequence[int]) -> Tensor | None:
    """A signal cut or padded to windows; nothing where none arrives."""
    return None if windows is None else windows.fit(signal, origin)
