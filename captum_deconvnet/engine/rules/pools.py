"""Pools: where their windows lie, a switch as a place in a window, and average pooling.

A max pool's switches are numbers of elements in its windows. An average pool shares every value out
over its window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call, per_axis
from captum_deconvnet.engine.rules.reaches import pooled
from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows


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

    def inside(self, axis: int, pooled: int) -> tuple[Tensor, Tensor]:
        """The first and last element of each window along an axis that lie in the map.

        Dilated windows may have none there: their first is after their last.
        """
        start = torch.arange(pooled) * self.stride[axis] - self.padding[axis]
        step = self.dilation[axis]
        first = ((-start).clamp(min=0) + step - 1) // step
        last = (self.size[axis] - 1 - start) // step
        return first, last.clamp(max=self.kernel[axis] - 1)

    def sees(self, pooled: Sequence[int]) -> Tensor | None:
        """Which windows have an element in the map; ``None`` if all have."""
        seen = torch.ones((), dtype=torch.bool)
        for axis, count in enumerate(pooled[-len(self.size) :]):
            first, last = self.inside(axis, count)
            seen = seen.unsqueeze(-1) & (first <= last)
        return None if bool(seen.all()) else seen

    def draw(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """For each pooled value (N, C, ...) the number of a random element of its window.

        An axis at a time: the elements of a window that lie inside the image are neighbours.
        """
        numbers = torch.zeros(shape, dtype=torch.int64)
        count = len(self.size)
        for axis, kernel in enumerate(self.kernel):
            lowest, last = self.inside(axis, shape[axis - count])
            spread = (last - lowest + 1).clamp(min=1)
            along = [-1 if dim == axis - count else 1 for dim in range(-len(shape), 0)]
            chance = torch.rand(shape, generator=generator, dtype=torch.float64)
            element = lowest.view(along) + (chance * spread.view(along)).long()
            numbers = numbers * kernel + element
        return numbers

    def encode(self, indices: Tensor) -> Tensor:
        """Switches as the number of the element in its window, in one byte where that fits."""
        dtype = torch.uint8 if prod(self.kernel) <= 256 else torch.int32
        if self._is_wider_than_its_map or self.sees(indices.shape) is not None:
            return self._by_axis(indices).to(dtype)
        offsets = self.offsets(indices.device)
        numbers = torch.zeros(int(offsets.max()) + 1, dtype=dtype, device=indices.device)
        numbers[offsets] = torch.arange(len(offsets), device=indices.device).to(dtype)
        offset = indices - self._corners(indices)
        return numbers.index_select(0, offset.flatten()).view(indices.shape)

    @property
    def _is_wider_than_its_map(self) -> bool:
        """Whether two elements of a window can lie equally far from its first in the flat map."""
        axes = zip(self.dilation[1:], self.kernel[1:], self.size[1:], strict=True)
        return any(spread * (count - 1) >= size for spread, count, size in axes)

    def _by_axis(self, indices: Tensor) -> Tensor:
        """Numbers of elements from where they are along each axis."""
        numbers, rest = torch.zeros_like(indices), indices
        for axis, pitch in enumerate(self.pitches):
            count = indices.shape[axis - len(self.size)]
            start = torch.arange(count, device=indices.device) * self.stride[axis]
            start = (start - self.padding[axis]).view(-1, *(1,) * (len(self.size) - 1 - axis))
            element = (rest // pitch - start) // self.dilation[axis]
            numbers = numbers * self.kernel[axis] + element.clamp(0, self.kernel[axis] - 1)
            rest = rest % pitch
        return numbers

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


@dataclass(eq=False)
class Share(Adjoint):
    """A part of every pooled value for each place of its window.

    Args:
        window: the windows.
        shape: the shape of the input.
        ceil_mode: whether a last window may hang over the border.
        share: how much each place gets, (1, 1, H, W), or one number for all.
    """

    window: Window
    shape: torch.Size
    ceil_mode: bool
    share: Tensor | float

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal, shared out, at exactly the input's size."""
        shared = signal * self.share
        return (_spread(shared, self.window, self.shape, self.ceil_mode),)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows, shared out."""
        (given,) = inputs
        if given is None:
            return (None,)
        share = output.crop(self.share) if isinstance(self.share, Tensor) else self.share
        window = self.window.over(signal.shape[-2:])
        shape = torch.Size((*signal.shape[:-2], *window.size))
        spread = _spread(signal * share, window, shape, False)
        return (given.fit(spread, self.window.origin(output.first)),)


def _spread(signal: Tensor, window: Window, shape: torch.Size, ceil_mode: bool) -> Tensor:
    shape_only = signal.new_empty(1).expand(shape)
    geometry = (window.kernel, window.stride, window.padding, ceil_mode)
    spread: Tensor = torch.ops.aten.avg_pool2d_backward(signal, shape_only, *geometry, True, 1)
    return spread


def average_pool(call: Call) -> Answer:
    """Average pooling over two dimensions."""
    (image,) = call.inputs
    window = window_of(call, image, 2)
    share = _share(call, image, window)
    return Share((pooled(call, image),), window, image.shape, call.argument("ceil_mode"), share)


def _share(call: Call, image: Tensor, window: Window) -> Tensor | float:
    """One over the divisor of each window; a number if they all have the same."""
    ones = image.new_ones(1, 1, *window.size)
    geometry = (window.kernel, window.stride, window.padding, call.argument("ceil_mode"))
    include, divisor = call.argument("count_include_pad"), call.argument("divisor_override")
    counted = torch.ops.aten.avg_pool2d(ones, *geometry, True, 1)
    share = torch.ops.aten.avg_pool2d(ones, *geometry, include, divisor) / counted
    first = float(share[0, 0, 0, 0])
    return first if bool((share == first).all()) else share
