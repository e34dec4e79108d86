"""Softmax: stripped where a model ends in it, its own derivative where a model computes with it.

A class projects from its logit, whether or not the model turns its logits into probabilities. That
is so only if nothing but rearranging and averaging follows. Where filters or weighted sums follow,
as in a detector that reads a distance off a distribution, probabilities are an activation as any
other, and no rule says how they pass a signal. (As attention weights they are recorded constants:
no signal comes to them at all.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint, Kept
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.frame import Frame, fitted
from captum_deconvnet.projection.geometry import own_image
from captum_deconvnet.projection.linear import Scale
from captum_deconvnet.projection.reach import pointwise
from captum_deconvnet.projection.replay import gradient, sees_all
from captum_deconvnet.projection.tape import Step, Tape, Value

PASSING = frozenset(["adjoint", "switches", "shared switches", "start at the logit"])
"""Rules that hand probabilities on as they are: rearranged, averaged, chosen."""


@dataclass(eq=False)
class Stripped(Adjoint):
    """A softmax that is taken for the identity, unless the model goes on computing with it."""

    derivative: Adjoint

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal as it is."""
        return (signal,)

    def windowed(
        self, signal: Tensor, output: Frame, inputs: Sequence[Frame | None]
    ) -> Sequence[Tensor | None]:
        """The windows as they are."""
        (given,) = inputs
        return (fitted(given, signal, output.first),)


@dataclass(eq=False)
class Softmax(Adjoint):
    """The derivative of a softmax, from the probabilities it gave."""

    probabilities: Kept
    dim: int

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """Each probability times how far its signal is from the mean signal."""
        found = self.probabilities.tensor
        return (found * (signal - (signal * found).sum(self.dim, keepdim=True)),)


def strip(call: Call) -> Answer:
    """A softmax, or the logarithm of one: the projection starts at the logit, if it is the end."""
    if call.family.exact:
        return gradient(call)
    name, kind = call.rule, call.kind
    derivative = gradient(call)[0] if "log" in str(call.function) else softmax(call)
    call.rule, call.kind = name, kind
    (tensor,) = call.inputs
    return Stripped((pointwise(tensor.shape),), derivative)


def softmax(call: Call) -> Adjoint:
    """The derivative of one softmax."""
    (tensor,) = call.inputs
    probabilities, dim = call.keep(call.first_output), call.argument("dim")
    reach = sees_all if dim in (0, -tensor.dim()) else own_image
    return Softmax((reach(call, tensor),), probabilities, dim)


def keep_inner(tape: Tape) -> None:
    """Give every softmax that is not the end of the model its derivative, and say so.

    Args:
        tape: pruned, so that it has only what a signal can pass.
    """
    inner: set[Value] = set()
    for step in reversed(tape.steps):
        if step.output in inner and isinstance(step.adjoint, Stripped):
            step.adjoint, step.rule, step.kind = step.adjoint.derivative, "gradient", "fallback"
        if step.output in inner or not _passes_on(step):
            inner.update(step.inputs)


def _passes_on(step: Step) -> bool:
    """Whether probabilities are still probabilities after a step."""
    if isinstance(step.adjoint, Scale):
        return all(isinstance(factor, int | float) for factor in step.adjoint.factors)
    return step.rule in PASSING
