"""Average pooling: every value is shared out over its window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.frame import Frame
from captum_deconvnet.projection.geometry import pooled
from captum_deconvnet.projection.pool_window import Window, window_of


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
        self, signal: Tensor, output: Frame, inputs: Sequence[Frame | None]
    ) -> Sequence[Tensor | None]:
        """The windows, shared out."""
        (given,) = inputs
        if given is None:
            return (None,)
        share = output.take(self.share) if isinstance(self.share, Tensor) else self.share
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
