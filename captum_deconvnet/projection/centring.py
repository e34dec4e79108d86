"""Norms spelled out in arithmetic: the mean is recorded, as the deviation is.

``(x - mean) / deviation`` is what ``nn.LayerNorm`` and its kin compute, and a signal passes it as
it passes them: by the gain of each element alone. The deviation is a recorded constant wherever it
divides or multiplies; the mean is one where what it is subtracted from is divided so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from captum_deconvnet.projection.linear import Scale, Sum
from captum_deconvnet.projection.tape import Step, Tape, Value

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
