"""Gates: what only scales another activation is a recorded constant.

Squeeze-excite, gated linear units, split attention, layer scale. Zeiler & Fergus have no gates;
these rules extend theirs by the principle that whatever the data selected or scaled is recorded
and held fixed, as switches are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.linear import Scale
from captum_deconvnet.projection.reach import pointwise
from captum_deconvnet.projection.rectifiers import rectify_at
from captum_deconvnet.projection.replay import gradient, replays


@dataclass(eq=False)
class Gated(Adjoint):
    """Half of a tensor gated by the other half."""

    dim: int
    gate: Tensor

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The gated signal for the first half, nothing for the gate's."""
        gated = signal * self.gate
        return (torch.cat([gated, torch.zeros_like(gated)], self.dim),)


def multiply(call: Call) -> Answer:
    """A product: by a constant its adjoint, by a gate the gate's recorded value.

    An activation times a gate made from that same activation (x * sigmoid(x), x * (x > 0)) is a
    rectifier spelled out. A product of two activations of which neither is a gate has no rule.
    """
    one, other = call.argument("self"), call.argument("other")
    if call.value(one) is None or call.value(other) is None:
        return _scale(call, other if call.value(one) is not None else one)
    if call.family.exact:
        return _gradient(call, "adjoint")
    gate = gate_of(call, one, other)
    if gate is None:
        return _gradient(call, "fallback")
    gated = other if gate is one else one
    if _same_root(call, one, other):
        call.freeze(gate)
        call.kind, call.rule = "extension", "rectify"
        return rectify_at(call, gated)
    call.freeze(gate)
    call.kind, call.rule = "extension", "frozen gate"
    return _scale(call, gate)


def divide(call: Call) -> Answer:
    """A quotient: a denominator made from the image is a recorded statistic."""
    above, below = call.argument("self"), call.argument("other")
    if call.value(above) is None or (call.value(below) is not None and call.family.exact):
        return _gradient(call, "adjoint" if call.family.exact else "fallback")
    if call.value(below) is not None:
        call.freeze(below)
        call.kind, call.rule = "extension", "frozen statistic"
    if not isinstance(below, Tensor):
        return _scale(call, 1 / below)
    return _scale(call, below.reciprocal())


def add_product(call: Call) -> Answer:
    """``self + value * tensor1 * tensor2``: a gate among the factors is a recorded constant."""
    one, other = call.argument("tensor1"), call.argument("tensor2")
    if call.value(one) is not None and call.value(other) is not None:
        gate = None if call.family.exact else gate_of(call, one, other)
        if gate is None:
            return _gradient(call, "adjoint" if call.family.exact else "fallback")
        call.freeze(gate)
        call.kind, call.rule = "extension", "frozen gate"
    reaches = tuple(pointwise(tensor.shape) for tensor in call.inputs)
    return replays(call, keep=False, reaches=reaches)


def gated_linear(call: Call) -> Answer:
    """A gated linear unit: the second half, through a sigmoid, gates the first."""
    if call.family.exact:
        return _gradient(call, "adjoint")
    (tensor,) = call.inputs
    dim = call.argument("dim") % tensor.dim()
    half = tensor.shape[dim] // 2
    gate = tensor.narrow(dim, half, half).sigmoid()
    return Gated((pointwise(tensor.shape),), dim, gate)


def dropout(call: Call) -> Answer:
    """Dropout left in train mode: its mask is recorded."""
    image, mask = call.argument("input"), call.output[1]
    scale = 1 / (1 - call.argument("p"))
    return [Scale((pointwise(image.shape),), image.shape, (mask, scale))]


def gate_of(call: Call, one: Tensor, other: Tensor) -> Tensor | None:
    """Which of two activations gates the other; ``None`` when neither does."""
    strengths = [_strength(call, one), _strength(call, other)]
    if strengths[0] != strengths[1]:
        return one if strengths[0] > strengths[1] else other
    if strengths[0] == 0 or one.numel() == other.numel():
        return None
    return one if one.numel() < other.numel() else other


def _strength(call: Call, tensor: Tensor) -> int:
    value = call.value(tensor)
    return 0 if value is None else value.gate


def _same_root(call: Call, one: Tensor, other: Tensor) -> bool:
    values = call.value(one), call.value(other)
    return all(values) and values[0].root is values[1].root  # type: ignore[union-attr]


def _scale(call: Call, factor: Tensor | float) -> Adjoint:
    (tensor,) = call.inputs
    kept = call.keep(factor) if isinstance(factor, Tensor) else factor
    return Scale((pointwise(tensor.shape),), tensor.shape, (kept,))


def _gradient(call: Call, kind: str) -> Answer:
    call.kind, call.rule = kind, "gradient"
    return gradient(call)
