"""Softmax and fused attention: attention weights are constants, and a last softmax is left out.

A class projects from its logit, whether or not the model turns its logits into probabilities. That
is so only if nothing but rearranging and averaging follows. Where filters or weighted sums follow,
as in a detector that reads a distance off a distribution, probabilities are an activation as any
other, no rule says how they pass a signal, and the softmax runs its derivative. (As attention
weights they are recorded constants: no signal comes to them at all.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call
from captum_deconvnet.engine.rules.linear import Scale
from captum_deconvnet.engine.rules.reaches import own_image
from captum_deconvnet.engine.rules.replay import gradient, sees_all
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, reduce_to
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows, fitted
from captum_deconvnet.engine.tape.reach import Reach, pointwise, whole_along
from captum_deconvnet.engine.tape.tape import Step, Tape, Value


@dataclass(eq=False)
class Attend(Adjoint):
    """Scaled dot product attention with the recorded queries, keys and mask.

    Heads may share their keys and values (multi-query attention): their signals add up.
    """

    shape: torch.Size
    query: Kept
    key: Kept
    mask: Kept | None
    causal: bool
    scale: float

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal at the values: every position gives to those it attended to."""
        return (reduce_to(self.weights().transpose(-2, -1) @ signal, self.shape),)

    def weights(self) -> Tensor:
        """The attention weights, (..., queries, keys)."""
        scores = self.query.tensor @ self.key.tensor.transpose(-2, -1) * self.scale
        if self.causal:
            seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            scores = scores.masked_fill(~seen, -torch.inf)
        if self.mask is not None:
            mask = self.mask.tensor
            added = scores + mask if mask.dtype != torch.bool else scores
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else added
        return scores.softmax(-1)


def _own_values(shape: Sequence[int], output_shape: Sequence[int]) -> Reach:
    """Every position sees all values of its own image and head; shared heads are seen whole."""
    shared = [dim for dim, size in enumerate(shape) if size != output_shape[dim]]
    return whole_along([*shared, len(shape) - 2, len(shape) - 1])


def attention(call: Call) -> Answer:
    """One of torch's fused attention kernels."""
    query, key, value = (call.argument(name) for name in ("query", "key", "value"))
    if call.family.exact or not call.flows(value) or call.argument("dropout_p"):
        return gradient(call)
    call.inputs = [value]  # queries, keys and masks are constants; they may be one tensor
    mask = call.argument("attn_mask", call.argument("attn_bias"))
    scale = call.argument("scale")
    return Attend(
        (_own_values(value.shape, call.first_output.shape),),
        value.shape,
        call.keep(query),
        call.keep(key),
        None if mask is None else call.keep(mask),
        bool(call.argument("is_causal")),
        query.shape[-1] ** -0.5 if scale is None else float(scale),
    )


PASSING = frozenset(["adjoint", "switches", "shared switches", "start at the logit"])
"""Rules that hand probabilities on as they are: rearranged, averaged, chosen."""


@dataclass(eq=False)
class StrippedSoftmax(Adjoint):
    """A softmax that is taken for the identity, unless the model goes on computing with it."""

    derivative: Adjoint

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal as it is."""
        return (signal,)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
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


def last_softmax(call: Call) -> Answer:
    """A softmax, or the logarithm of one: the projection starts at the logit, if it is the end."""
    if call.family.exact:
        return gradient(call)
    name, kind = call.rule, call.kind
    derivative = gradient(call)[0] if "log" in str(call.function) else softmax(call)
    call.rule, call.kind = name, kind
    (tensor,) = call.inputs
    return StrippedSoftmax((pointwise(tensor.shape),), derivative)


def softmax(call: Call) -> Adjoint:
    """The derivative of one softmax."""
    (tensor,) = call.inputs
    probabilities, dim = call.keep(call.first_output), call.argument("dim")
    reach = sees_all if dim in (0, -tensor.dim()) else own_image
    return Softmax((reach(call, tensor),), probabilities, dim)


def derive_inner_softmax(tape: Tape) -> None:
    """Give every softmax that is not the end of the model its derivative, and say so.

    Args:
        tape: pruned, so that it has only what a signal can pass.
    """
    inner: set[Value] = set()
    for step in reversed(tape.steps):
        if step.output in inner and isinstance(step.adjoint, StrippedSoftmax):
            step.adjoint, step.rule, step.kind = step.adjoint.derivative, "gradient", "fallback"
        if step.output in inner or not _passes_on(step):
            inner.update(step.inputs)


def _passes_on(step: Step) -> bool:
    """Whether probabilities are still probabilities after a step."""
    if isinstance(step.adjoint, Scale):
        return all(isinstance(factor, int | float) for factor in step.adjoint.factors)
    return step.rule in PASSING
