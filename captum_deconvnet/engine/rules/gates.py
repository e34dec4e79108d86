"""Gates and choices: what only scales or chooses another activation is a recorded constant.

Squeeze-excite, gated linear units, split attention, layer scale. Zeiler & Fergus have no gates;
these rules extend theirs by the principle that whatever the data selected or scaled is recorded
and held fixed, as switches are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call, Rule
from captum_deconvnet.engine.rules.linear import Scale
from captum_deconvnet.engine.rules.norms import by_statistic
from captum_deconvnet.engine.rules.reaches import same_place
from captum_deconvnet.engine.rules.rectifiers import clip
from captum_deconvnet.engine.rules.replay import gradient, linear_in, replays
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, reduce_to
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows
from captum_deconvnet.engine.tape.reach import pointwise
from captum_deconvnet.engine.tape.tape import GateStrength


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

    An activation times a gate made from that same activation (x * sigmoid(x), x * (x > 0)) is an
    activation function, which ``formulas`` finds first. A product of two activations of which
    neither is a gate has no rule.
    """
    one, other = call.argument("self"), call.argument("other")
    constants = [factor for factor in (one, other) if not call.flows(factor)]
    gate = None if call.family.exact else gate_of(call, one, other)
    if constants and gate is not constants[0]:
        return _scale(call, constants[0])
    if gate is None:
        return gradient(call)
    call.freeze(gate)
    call.kind, call.rule = "extension", "frozen gate"
    scaled = _scale(call, gate)
    return by_statistic(scaled) if _strength(call, gate) == GateStrength.STATISTIC else scaled


def choose(call: Call) -> Answer:
    """``where``: the condition is recorded."""
    condition = call.argument("condition")
    return _recorded_choice(call, condition, linear_in("self", "other", reach=same_place))


def fill_masked(call: Call) -> Answer:
    """``masked_fill``: the mask is recorded."""
    mask = call.argument("mask")
    return _recorded_choice(call, mask, linear_in("self", "value", reach=same_place))


def put_indexed(call: Call) -> Answer:
    """``x[index] = values``: a mask as index is recorded."""
    indices = call.argument("indices")
    mask = indices[0] if len(indices) == 1 else None
    return _recorded_choice(call, mask, linear_in("self", "values"))


def _recorded_choice(call: Call, condition: Any, rule: Rule) -> Answer:
    """A choice by a condition: recorded, and ours to say so if it was made from the image."""
    if call.value(condition) is not None and not call.family.exact:
        call.kind, call.rule = "extension", "recorded choice"
    return rule(call)


def divide(call: Call) -> Answer:
    """A quotient: a denominator made from the image is a recorded statistic."""
    above, below = call.argument("self"), call.argument("other")
    if call.argument("rounding_mode") is not None:
        return None  # a step function
    alone = not call.flows(above) or above is below
    if alone or (call.flows(below) and call.family.exact):
        return gradient(call)
    if call.value(below) is not None:
        call.freeze(below)
        call.kind, call.rule = "extension", "frozen statistic"
    if not isinstance(below, Tensor):
        return _scale(call, 1 / below)
    scaled = _scale(call, below.to(torch.result_type(above, below)).reciprocal())
    return scaled if call.value(below) is None else by_statistic(scaled)


def power(call: Call) -> Answer:
    """A power has no rule. A root or a reciprocal is a statistic, any other power a signal."""
    exponent = call.argument("exponent")
    if isinstance(exponent, Tensor) or exponent >= 1:
        call.gate = GateStrength.NONE
    return gradient(call)


def add_product(call: Call) -> Answer:
    """``self + value * tensor1 * tensor2``: a gate among the factors is a recorded constant."""
    one, other = call.argument("tensor1"), call.argument("tensor2")
    if call.flows(one) and call.flows(other):
        gate = None if call.family.exact else gate_of(call, one, other)
        if gate is None:
            return gradient(call)
        call.freeze(gate)
        call.kind, call.rule = "extension", "frozen gate"
    reaches = tuple(pointwise(tensor.shape) for tensor in call.inputs)
    return replays(call, keep=False, reaches=reaches)


def gated_linear(call: Call) -> Answer:
    """A gated linear unit: the second half, through a sigmoid, gates the first."""
    if call.family.exact:
        return gradient(call)
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
    if strengths[0] == GateStrength.NONE or one.numel() == other.numel():
        return None
    return one if one.numel() < other.numel() else other


def _strength(call: Call, tensor: Tensor) -> GateStrength:
    value = call.value(tensor)
    return GateStrength.NONE if value is None else value.gate


def _scale(call: Call, factor: Tensor | float) -> Scale:
    (tensor,) = call.inputs
    kept = call.keep(factor) if isinstance(factor, Tensor) else factor
    return Scale((pointwise(tensor.shape),), tensor.shape, (kept,))


@dataclass(eq=False)
class Choose(Adjoint):
    """The larger of two tensors: the signal goes to the one that was chosen."""

    shapes: tuple[torch.Size, ...]
    weights: tuple[Kept | Tensor, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal, split by the recorded choice."""
        return [
            reduce_to(signal * (weight.tensor if isinstance(weight, Kept) else weight), shape)
            for weight, shape in zip(self.weights, self.shapes, strict=True)
        ]

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows, split by the recorded choice there."""
        if not output.broadcasts_from(self.shapes):
            return super().windowed(signal, output, inputs)
        weights = [kept.tensor if isinstance(kept, Kept) else kept for kept in self.weights]
        return [
            None if given is None else given.reduce(signal * output.crop(weight), output.first)
            for given, weight in zip(inputs, weights, strict=True)
        ]


def maximum(call: Call) -> Answer:
    """The elementwise larger of two tensors (maxout); the larger of one and a constant clips it."""
    if call.family.exact:
        return gradient(call)
    one, other = call.argument("self"), call.argument("other")
    is_least = "min" in str(call.function)
    constants = [tensor for tensor in (one, other) if call.value(tensor) is None]
    shape = torch.broadcast_shapes(one.shape, other.shape)  # type: ignore[no-untyped-call]
    if constants and call.inputs[0].shape == shape:
        (bound,) = constants
        return clip(call, None, bound) if is_least else clip(call, bound, None)
    beats = torch.lt if is_least else torch.gt
    weights = {id(one): beats(one, other), id(other): beats(other, one)}
    tie = (one == other) * 0.5
    picked = tuple(weights[id(tensor)] + tie for tensor in call.inputs)
    shapes = tuple(tensor.shape for tensor in call.inputs)
    return Choose(tuple(pointwise(shape) for shape in shapes), shapes, picked)
