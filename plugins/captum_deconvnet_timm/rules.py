"""Projection rules for the activations and norms that timm spells out in tensor arithmetic.

Modules of timm that call a torch function (``F.silu``, ``F.layer_norm``, ``F.batch_norm``) need no
row: the engine sees the operation. Nor do norms that divide by a statistic (RMS norm, EvoNorm,
simple norm, global response norm) or gates that multiply: the engine records both as constants.
A sigmoid or hard sigmoid must not have a row, so that it can still be a gate.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from captum_deconvnet import rules


def star_relu(call: rules.Call) -> rules.Adjoint:
    """StarReLU, ``scale * relu(x)**2 + bias``: a rectifier, then a learned scale.

    A square has no limit that keeps projections proportional to their seed, so the square counts
    as the rectifier that it is built on.
    """
    unit: Any = call.function
    rectified: Any = rules.rectify(call)
    scale = unit.scale.detach()
    return rules.pointwise(call, lambda signal: rectified(signal * scale)[0])


def thresholded_response_norm(call: rules.Call) -> rules.Adjoint:
    """Filter response norm and its thresholded linear unit, ``max(norm(x), tau)``.

    The response is recorded; the unit is a rectifier with another corner.
    """
    image: Tensor = call.args[0]
    norm: Any = call.function
    response = image.square().mean(dim=(2, 3), keepdim=True)
    gain: Tensor = (response + norm.eps).rsqrt() * norm.weight.detach().view(1, -1, 1, 1)
    if norm.tau is None:
        return rules.pointwise(call, lambda signal: signal * gain)
    above: Tensor = call.output > norm.tau.detach().view(1, -1, 1, 1)
    family = call.family

    def adjoint(signal: Tensor) -> Tensor:
        signal = signal.clamp(min=0) if family.relu_backward else signal
        signal = signal * above if family.relu_mask else signal
        return signal * gain

    return rules.pointwise(call, adjoint)


def channel_layer_norm(call: rules.Call) -> rules.Adjoint:
    """Layer norm over the channels, spelled out for tensors that are not contiguous.

    Mean and deviation are recorded, as those of ``F.layer_norm`` are.
    """
    image: Tensor = call.args[0]
    norm: Any = call.function
    variance = image.var(dim=1, unbiased=False, keepdim=True)
    gain: Tensor = (variance + norm.eps).rsqrt() * norm.weight.detach().view(1, -1, 1, 1)
    return rules.pointwise(call, lambda signal: signal * gain)
