"""Rectifiers: the signal itself is rectified, whatever the forward sign was.

Zeiler & Fergus (2014), section 2.1: "we pass the reconstructed signal through a relu
non-linearity". Smooth and capped rectifiers follow the same rule, which is the limit of
``f(t * s) / t`` for large ``t``: it keeps projections proportional to their seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call
from captum_deconvnet.engine.rules.linear import Scale
from captum_deconvnet.engine.rules.replay import gradient
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows, fitted
from captum_deconvnet.engine.tape.reach import pointwise
from captum_deconvnet.engine.tape.tape import Inherited

Bound = Tensor | float | None


@dataclass(eq=False)
class Rectify(Adjoint):
    """A rectifier: mask by the forward sign, rectify by the signal's own, both or neither."""

    mask: Tensor | None
    backward: bool
    negative: bool = False

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The rectified signal."""
        if self.backward:
            signal = signal.clamp(max=0) if self.negative else signal.clamp(min=0)
        return (signal if self.mask is None else signal * self.mask,)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The rectified windows."""
        (given,) = inputs
        if self.backward:
            signal = signal.clamp(max=0) if self.negative else signal.clamp(min=0)
        if self.mask is not None:
            signal = signal * output.crop(self.mask)
        return (fitted(given, signal, output.first),)


@dataclass(eq=False)
class Leak(Adjoint):
    """A leaky rectifier: negative signals are multiplied by ``slope``."""

    slope: Kept | float
    mask: Tensor | None
    backward: bool

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal through the same leaky function."""
        slope = self.slope.tensor if isinstance(self.slope, Kept) else self.slope
        if self.mask is not None:
            signal = torch.where(self.mask, signal, signal * slope)
        if self.backward:
            signal = torch.where(signal > 0, signal, signal * slope)
        return (signal,)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows through the same leaky function."""
        (given,) = inputs
        slope = output.crop(self.slope.tensor) if isinstance(self.slope, Kept) else self.slope
        if self.mask is not None:
            signal = torch.where(output.crop(self.mask), signal, signal * slope)
        if self.backward:
            signal = torch.where(signal > 0, signal, signal * slope)
        return (fitted(given, signal, output.first),)


def rectify_at(call: Call, tensor: Tensor) -> Adjoint:
    """Rectify the signal at one activation of the call."""
    mask = tensor > 0 if call.family.relu_mask else None
    return Rectify((pointwise(tensor.shape),), mask, call.family.relu_backward)


def rectify_side(call: Call, tensor: Tensor, side: int) -> Adjoint:
    """Rectify at a ReLU written as a choice, which may keep the negative side instead."""
    call.kind, call.rule = "paper", "rectify"
    kept = tensor > 0 if side > 0 else tensor < 0
    mask = kept if call.family.relu_mask else None
    reach = (pointwise(tensor.shape),)
    return Rectify(reach, mask, call.family.relu_backward, negative=side < 0)


def rectify(call: Call) -> Answer:
    """Keep the positive part of the signal."""
    return rectify_at(call, call.inputs[0])


def smooth_rectify(call: Call) -> Answer:
    """Keep the positive part of the signal; the gradient family keeps the true slope."""
    return gradient(call) if call.family.exact else rectify(call)


def leak(call: Call) -> Answer:
    """Pass the signal through the same leaky function."""
    return _leak(call, float(call.argument("negative_slope")))


def random_leak(call: Call) -> Answer:
    """RReLU in eval mode: the mean of its slopes. In train mode the slopes it drew have no rule."""
    if call.argument("training"):
        call.kind, call.rule = ("adjoint" if call.family.exact else "fallback"), "gradient"
        shape = call.first_output.shape  # running it fills the noise with the slopes
        return Scale((pointwise(shape),), shape, (call.keep(call.argument("noise")),))
    return _leak(call, (float(call.argument("lower")) + float(call.argument("upper"))) / 2)


def threshold(call: Call) -> Answer:
    """A threshold: at zero a ReLU, elsewhere a rectifier with another corner."""
    if call.family.exact:
        return gradient(call)
    call.kind = "paper" if call.argument("threshold") == call.argument("value") == 0 else call.kind
    return rectify(call)


def prelu(call: Call) -> Answer:
    """Pass the signal through the same leaky function, one slope a channel."""
    image, weight = call.args
    if call.flows(weight) and (call.family.exact or not call.flows(image)):
        return gradient(call)
    call.freeze(weight)
    shape = (1, -1, *(1,) * (image.dim() - 2))
    slope = weight if weight.dim() == image.dim() else weight.reshape(shape)
    return _leak(call, call.keep(slope))


def _leak(call: Call, slope: Kept | float) -> Adjoint:
    (tensor,) = call.inputs
    mask = tensor > 0 if call.family.relu_mask else None
    return Leak((pointwise(tensor.shape),), slope, mask, call.family.relu_backward)


def clamp(call: Call) -> Answer:
    """Clipping to a range, as ``clip`` has it; bounds made from the image are recorded."""
    if call.family.exact or not call.flows(call.args[0]):
        return gradient(call)
    call.freeze(*call.args[1:])
    low = call.argument("min", call.argument("min_val"))
    return clip(call, low, call.argument("max", call.argument("max_val")))


def clip(call: Call, low: Bound, high: Bound) -> Answer:
    """Clipping: below at zero or more rectifies, below a negative number changes nothing."""
    lows, highs = extent_of(call, low), extent_of(call, high)
    if low is None or high is None:
        call.gate = Inherited.ALL
    if lows is not None and lows[0] >= 0:
        call.rule, is_relu = "rectify", high is None and lows == (0, 0)
        call.kind = "paper" if is_relu else "extension"
        return rectify(call)
    if low is None and highs == (0, 0):
        return rectify_side(call, call.inputs[0], -1)
    return identity(call)


def identity(call: Call) -> Answer:
    """The signal passes unchanged: a signed or capped nonlinearity has no part to rectify."""
    if call.family.exact:
        return gradient(call)
    call.rule = "identity"
    (tensor,) = call.inputs
    return Rectify((pointwise(tensor.shape),), None, backward=False)


def extent_of(call: Call, bound: Bound) -> tuple[float, float] | None:
    """The least and the largest number of a bound; ``None`` if it was made from the image."""
    if not isinstance(bound, Tensor):
        return None if bound is None else (float(bound), float(bound))
    if call.value(bound) is not None or not bound.numel():
        return None
    return float(bound.min()), float(bound.max())
