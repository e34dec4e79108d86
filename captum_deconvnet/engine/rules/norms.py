"""Norms: the statistics are recorded, and what is left is one gain an element.

Batch norm in eval mode is affine and runs its exact adjoint; layer, group and instance norms
compute statistics from the image itself, which are recorded constants (an extension).

A norm may be written in arithmetic, ``(x - mean) / deviation``: a signal passes it by the gain of
each element alone as well. The deviation is a recorded constant wherever it divides or multiplies;
the mean is one where what it is subtracted from is divided so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call
from captum_deconvnet.engine.rules.linear import Scale, Sum
from captum_deconvnet.engine.rules.rectifiers import identity
from captum_deconvnet.engine.rules.replay import gradient
from captum_deconvnet.engine.tape.reach import pointwise
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.errors import TrainModeError


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
    return identity(call)


MEANS = frozenset(["mean", "var_mean", "std_mean"])
LINEAR = frozenset(["adjoint", "scale"])


@dataclass(eq=False)
class ByStatistic(Scale):
    """A product or quotient with a recorded deviation, or another statistic."""


def by_statistic(scaled: Scale) -> ByStatistic:
    """The same product, known as one with a statistic."""
    return ByStatistic(scaled.reaches, scaled.shape, scaled.factors)


def record_means(tape: Tape) -> None:
    """Let no signal through the means that are subtracted before a division by a deviation.

    Args:
        tape: pruned; the steps to the means stay on it.
    """
    makers = {step.output: step for step in tape.steps}
    for step in tape.steps:
        if isinstance(step.adjoint, ByStatistic):
            difference = _difference(step, makers)
            if difference is not None and _is_mean(difference.inputs[1], makers):
                _keep_first(difference)


def _difference(step: Step, makers: dict[Value, Step]) -> Step | None:
    """The subtraction that a quotient's numerator was made by, but for constants and shapes."""
    for before in _behind(step.inputs[0], makers):
        if before.operation == "sub" and len(before.inputs) == 2:
            return before if isinstance(before.adjoint, Sum) else None
    return None


def _is_mean(value: Value, makers: dict[Value, Step]) -> bool:
    """Whether a value is a mean, but for its shape."""
    return any(step.operation in MEANS for step in _behind(value, makers))


def _behind(value: Value, makers: dict[Value, Step]) -> Iterator[Step]:
    """The steps that made a value, back to the first that does more than scale and reshape."""
    while value in makers:
        step = makers[value]
        yield step
        if step.rule not in LINEAR or len(step.inputs) != 1:
            return
        (value,) = step.inputs


def _keep_first(step: Step) -> None:
    """Record the second of two summands."""
    adjoint = step.adjoint
    assert isinstance(adjoint, Sum)
    step.inputs = step.inputs[:1]
    step.adjoint = replace(
        adjoint,
        reaches=adjoint.reaches[:1],
        shapes=adjoint.shapes[:1],
        factors=adjoint.factors[:1],
    )
    step.rule, step.kind = "recorded mean", "extension"
