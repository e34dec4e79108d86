"""Transposed filters on windows: each filter is pasted where its map is active, times the value.

There are three ways to compute the same sums; which is fastest depends on the sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.engine.tape.batched_windows import BatchedWindows


@dataclass(frozen=True)
class Layout:
    """Where the pasted filters of a window lie in the input, along each spatial dimension.

    Args:
        crop: how much is cut off at both ends, because it lies outside the input's window.
        origin: where the rest starts.
        size: how large the rest is.
    """

    crop: tuple[int, ...]
    origin: tuple[int, ...]
    size: tuple[int, ...]


@dataclass(frozen=True)
class Filters:
    """The filters of a convolution and how they are laid."""

    weight: Tensor
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def layout(self, output: BatchedWindows, image: BatchedWindows) -> Layout:
        """How what the ``output`` windows paste lies in the ``image`` windows."""
        axes = range(len(self.stride))
        crops, origins, sizes = zip(
            *(self._along(axis, output, image) for axis in axes), strict=True
        )
        return Layout(crops, origins, sizes)

    def _along(
        self, axis: int, output: BatchedWindows, image: BatchedWindows
    ) -> tuple[int, int, int]:
        dim, step = axis + 2, self.stride[axis]
        overlap = self.dilation[axis] * (self.weight.shape[dim] - 1)
        start = output.first[dim] * step - self.padding[axis]
        full = (output.sizes[dim] - 1) * step + overlap + 1
        before = image.first[dim] - start
        crop = max(0, min(before, full - before - image.sizes[dim], overlap))
        return crop, start + crop, full - 2 * crop

    def paste(self, signal: Tensor, layout: Layout) -> Tensor:
        """The signal through the transposed filters."""
        kernel = self.weight[0].numel()
        ungrouped = self.groups == 1 and not signal.is_complex()
        if ungrouped and signal.dim() == 4 and kernel <= 3 * self.weight.shape[0]:
            return self._by_product(signal, layout)
        if ungrouped and set(self.stride) == {1} and self.weight.numel() * 8 <= signal.numel():
            return self._by_convolution(signal, layout)
        return self._by_transposing(signal, layout)

    def _by_product(self, signal: Tensor, layout: Layout) -> Tensor:
        """One matrix product, then a sum of shifted maps: best to few channels, like colours."""
        columns = self.weight.flatten(1).t() @ signal.flatten(2)
        kernel = self.weight.shape[2:]
        return F.fold(columns, layout.size, kernel, self.dilation, layout.crop, self.stride)

    def _by_convolution(self, signal: Tensor, layout: Layout) -> Tensor:
        """A convolution with the filters turned round: best where they are small to the signal."""
        spatial = tuple(range(2, signal.dim()))
        turned = self.weight.flip(spatial).transpose(0, 1).contiguous()
        edges = zip(self.dilation, self.weight.shape[2:], layout.crop, strict=True)
        padding = [spread * (size - 1) - crop for spread, size, crop in edges]
        return torch.convolution(
            signal, turned, None, self.stride, padding, self.dilation, False, [0] * len(padding), 1
        )

    def _by_transposing(self, signal: Tensor, layout: Layout) -> Tensor:
        channels = self.weight.shape[1] * self.groups
        answer = torch.ops.aten.convolution_backward(
            signal,
            signal.new_empty(1).expand(len(signal), channels, *layout.size),
            self.weight,
            None,
            self.stride,
            layout.crop,
            self.dilation,
            False,
            (0,) * len(self.stride),
            self.groups,
            (True, False, False),
        )
        pasted: Tensor = answer[0]
        return pasted
