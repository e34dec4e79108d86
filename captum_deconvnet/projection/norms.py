"""Norms: the statistics are recorded, what is left is one gain an element.

Batch norm in eval mode is affine and runs its exact adjoint; layer, group and instance norms
compute statistics from the image itself, which are recorded constants (an extension).
"""

from __future__ import annotations

from torch import Tensor

from captum_deconvnet.errors import TrainModeError
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.linear import Scale
from captum_deconvnet.projection.reach import pointwise
from captum_deconvnet.projection.rectifiers import straight
from captum_deconvnet.projection.replay import gradient


def batch_norm(call: Call) -> Answer:
    """Batch norm with its stored statistics; instance norm, which torch runs as one."""
    image = call.argument("input")
    if not call.argument("training", "with_update" in str(call.function)):
        if len(call.inputs) > 1 and call.family.exact:
            return gradient(call)
        variance = call.argument("running_var")
        gain = (variance + call.argument("eps", call.argument("epsilon"))).rsqrt()
        return [_gain(call, image, gain, call.argument("weight"))]
    if image.shape[0] != 1 or call.argument("running_mean") is not None:
        raise TrainModeError(
            "A batch norm runs in train mode: it mixes the images of the batch, so that no image "
            "has a projection of its own. Call model.eval() first."
        )
    call.kind, call.rule = "extension", "frozen statistics"
    if call.family.exact:
        return gradient(call)
    return [_gain(call, image, call.output[2], call.argument("weight"))]


def _gain(call: Call, image: Tensor, gain: Tensor, weight: Tensor | None) -> Scale:
    """One gain a channel, in the image's type."""
    call.freeze(*(tensor for tensor in call.inputs if tensor is not image))
    total = gain if weight is None else gain * weight
    shape = (1, -1, *(1,) * (image.dim() - 2))
    factor = total.to(image.dtype).reshape(shape)
    return Scale((pointwise(image.shape),), image.shape, (factor,))


def layer_norm(call: Call) -> Answer:
    """Layer norm: the recorded deviation of each position, and the weights."""
    if call.family.exact:
        return gradient(call)
    image, weight = call.argument("input"), call.argument("weight")
    deviation = call.output[-1]
    factors = [deviation.to(image.dtype)]
    factors += [] if weight is None else [call.keep(weight)]
    call.freeze(*(tensor for tensor in call.inputs if tensor is not image))
    return [Scale((pointwise(image.shape),), image.shape, tuple(factors))]


def group_norm(call: Call) -> Answer:
    """Group norm: the recorded deviation of each group of channels, and the weights."""
    if call.family.exact:
        return gradient(call)
    image, weight = call.argument("input"), call.argument("weight")
    deviation = call.output[2]
    count = image.shape[1] // deviation.shape[1]
    gain = deviation.repeat_interleave(count, dim=1)
    gain = gain if weight is None else gain * weight
    factor = gain.to(image.dtype).reshape(*gain.shape, *(1,) * (image.dim() - 2))
    call.freeze(*(tensor for tensor in call.inputs if tensor is not image))
    return [Scale((pointwise(image.shape),), image.shape, (factor,))]


def contrast_norm(call: Call) -> Answer:
    """Local response normalisation: the signal passes unchanged, as the paper's code has it."""
    return straight(call)
