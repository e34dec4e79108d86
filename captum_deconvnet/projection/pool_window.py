"""The windows of a max pool: where they lie, and a switch as a place in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import torch
from torch import Tensor

from captum_deconvnet.projection.call import Call, per_axis


@dataclass(frozen=True)
class Window:
    """The windows of a max pool over an input of ``size`` (rows, columns, ...), in pixels."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def pitches(self) -> tuple[int, ...]:
        """How far apart neighbours along each axis lie in the flattened map."""
        return tuple(prod(self.size[axis + 1 :]) for axis in range(len(self.size)))

    def over(self, pooled: Sequence[int]) -> Window:
        """The same windows, unpadded, over just the part that ``pooled`` of them see."""
        axes = zip(pooled, self.kernel, self.stride, self.dilation, strict=True)
        size = tuple((n - 1) * step + spread * (k - 1) + 1 for n, k, step, spread in axes)
        return replace(self, size=size, padding=(0,) * len(size))

    def origin(self, pooled: Sequence[int]) -> tuple[int, ...]:
        """Where the window at an index of the pooled map starts; negative inside padding."""
        count = len(self.size)
        axes = zip(pooled[-count:], self.stride, self.padding, strict=True)
        return (*pooled[:-count], *(place * step - pad for place, step, pad in axes))

    def corners(self, pooled: Sequence[int], device: torch.device) -> Tensor:
        """The flat position of the first element of every window; negative inside padding."""
        corner = torch.zeros((), dtype=torch.int64, device=device)
        for axis, count in enumerate(pooled):
            start = torch.arange(count, device=device) * self.stride[axis] - self.padding[axis]
            corner = corner.unsqueeze(-1) + start * self.pitches[axis]
        return corner

    def offsets(self, device: torch.device) -> Tensor:
        """The flat position of every element of a window, from its first."""
        steps = product(*(range(count) for count in self.kernel))
        scale = [pitch * step for pitch, step in zip(self.pitches, self.dilation, strict=True)]
        flat = [sum(a * b for a, b in zip(place, scale, strict=True)) for place in steps]
        return torch.tensor(flat, dtype=torch.int64, device=device)

    def encode(self, indices: Tensor) -> Tensor:
        """Switches as the number of the element in its window, in one byte where that fits."""
        offsets = self.offsets(indices.device)
        dtype = torch.uint8 if len(offsets) <= 256 else torch.int32
        numbers = torch.zeros(int(offsets.max()) + 1, dtype=dtype, device=indices.device)
        numbers[offsets] = torch.arange(len(offsets), device=indices.device).to(dtype)
        offset = indices - self._corners(indices)
        return numbers.index_select(0, offset.flatten()).view(indices.shape)

    def decode(self, switches: Tensor) -> Tensor:
        """Switches as flat positions in the map, as torch's pooling gives them."""
        offsets = self.offsets(switches.device)
        offset = offsets.index_select(0, switches.flatten().int()).view(switches.shape)
        return offset.add_(self._corners(switches))

    def _corners(self, pooled: Tensor) -> Tensor:
        return self.corners(pooled.shape[-len(self.size) :], pooled.device)


def window_of(call: Call, image: Tensor, count: int) -> Window:
    """The windows over the last ``count`` dimensions that a pooling was called with."""
    kernel = per_axis(call.argument("kernel_size"), count)
    stride = per_axis(call.argument("stride") or kernel, count)
    padding = per_axis(call.argument("padding"), count)
    dilation = per_axis(call.argument("dilation", 1), count)
    return Window(tuple(image.shape[-count:]), kernel, stride, padding, dilation)
