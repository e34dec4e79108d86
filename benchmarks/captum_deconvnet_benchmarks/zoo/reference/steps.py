"""What a signal does at one node: where it goes on to, and what replaces the gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet_benchmarks.zoo.reference.nodes import (
    GRADIENT,
    LINEAR,
    PRODUCTS,
    RECTIFIERS,
    SWITCHES,
    Node,
    NoReferenceError,
    Sources,
    kind_of,
)
from captum_deconvnet_benchmarks.zoo.reference.products import operands

Backward = Callable[[Tensor], Tensor]

FLOOR = 1e-3
"""What keeps a logarithm or a quotient finite."""


@dataclass(frozen=True)
class Step:
    """One node on the way back.

    Args:
        live: the inputs that the signal goes on to.
        backward: what it becomes there, if that is not what autograd says.
        is_gradient: no rule of the table fits, so autograd's word was taken.
    """

    live: tuple[int, ...]
    backward: Backward | None = None
    is_gradient: bool = False


def step(node: Node, sources: Sources, centred: set[Node]) -> Step:
    """The rule table, by the names of backward nodes.

    Args:
        node: the node.
        sources: what each node is made of.
        centred: the differences whose subtracted mean is recorded.

    Raises:
        NoReferenceError: the node is in no table.
    """
    kind = kind_of(node.name())
    inputs = tuple(index for index, (before, _) in enumerate(node.next_functions) if before)
    if node in centred:
        return Step((0,))
    if kind in LINEAR or kind in SWITCHES or not inputs:
        return Step(inputs)
    if kind in RECTIFIERS:
        return Step(inputs, rectified)
    if kind in SPECIAL:
        return SPECIAL[kind](node)
    if kind in PRODUCTS:
        chosen = operands(node, inputs, sources)
        own = (lambda signal: rectified(signal) * chosen.cap) if chosen.is_self_gated else None
        return Step(chosen.live, own, chosen.is_gradient)
    if kind == "Pow" and is_square_of_rectified(node):
        return Step(inputs, unchanged)
    if kind in GRADIENT:
        return Step(inputs, is_gradient=True)
    raise NoReferenceError(f"the reference has no rule for {node.name()}")


def rectified(signal: Tensor) -> Tensor:
    """max(signal, 0)."""
    return signal.clamp(min=0)


def negative(signal: Tensor) -> Tensor:
    """min(signal, 0)."""
    return signal.clamp(max=0)


def unchanged(signal: Tensor) -> Tensor:
    """The signal itself."""
    return signal


def is_square_of_rectified(node: Node) -> bool:
    """Whether a power is max(x, 0) squared: one rectifier with a bent slope."""
    before = node.next_functions[0][0]
    return float(node._saved_exponent) == 2 and kind_of(before.name()) == "Relu"


def choice(node: Node) -> Step:
    """The larger or smaller of two is a switch; of a signal and a constant, a clipping."""
    inputs = tuple(index for index, (before, _) in enumerate(node.next_functions) if before)
    signal, bound = node._saved_self, node._saved_other
    if inputs == (1,):
        signal, bound = bound, signal
    if len(inputs) > 1 or (signal + bound).shape != signal.shape:
        return Step(inputs)
    if kind_of(node.name()) == "Maximum":
        return Step(inputs, rectified if bool((bound >= 0).all()) else unchanged)
    return Step(inputs, unchanged if bool(bound.any()) else negative)


def leaky(slope: float | Tensor) -> Step:
    """The same leaky function on the signal."""
    return Step((0,), lambda signal: torch.where(signal > 0, signal, slope * signal))


def prelu(node: Node) -> Step:
    """A leaky rectifier, one slope a channel or one for all."""
    return leaky(node._saved_weight)


def rrelu(node: Node) -> Step:
    """A leaky rectifier; in eval mode its slope is the middle of its range."""
    if node._saved_training:
        raise NoReferenceError("RReLU in train mode has a slope for every value")
    return leaky((node._saved_lower + node._saved_upper) / 2)


def hardtanh(node: Node) -> Step:
    """Rectifies if it has no negative values, as ReLU6; else a bounded identity."""
    return Step((0,), rectified if node._saved_min_val >= 0 else unchanged)


def clamp(node: Node) -> Step:
    """``clamp`` is a rectifier at 0, or just above; one at another place is none that we have."""
    low = node._saved_min
    if low is None or not 0 <= low <= FLOOR:
        raise NoReferenceError(f"the reference has no rule for clamp(min={low})")
    return Step((0,), rectified)


def threshold(node: Node) -> Step:
    """``threshold`` at 0 is a rectifier."""
    if node._saved_threshold != 0:
        raise NoReferenceError(f"no rule for threshold at {node._saved_threshold}")
    return Step((0,), rectified)


def glu(node: Node) -> Step:
    """One half gates the other."""
    gate = node._saved_self.chunk(2, node._saved_dim)[1].sigmoid()
    return Step(
        (0,),
        lambda signal: torch.cat([signal * gate, torch.zeros_like(signal)], dim=node._saved_dim),
    )


def layer_norm(node: Node) -> Step:
    """One over the deviation of each position, times the weight of each element."""
    gain = node._saved_result2 * one_if_none(node._saved_weight)
    return Step((0,), lambda signal: signal * gain)


def group_norm(node: Node) -> Step:
    """One over the deviation of each group, times the weight of each channel."""
    images, channels = node._saved_N, node._saved_C
    per_channel = channels // node._saved_group
    gain = node._saved_result2.reshape(images, -1).repeat_interleave(per_channel, dim=1)
    gain = gain * one_if_none(node._saved_weight)
    return Step((0,), lambda signal: signal * gain.reshape(images, channels, *ones(signal)))


def batch_norm(node: Node) -> Step:
    """One over the deviation of each channel, times its weight.

    Worked out here even for fixed statistics, where the gradient should be just that: torch 2.15 on
    a CPU gets it wrong for a batch of one whose gradient comes with permuted strides.
    """
    if node._saved_training:  # an instance norm: its deviations are the image's own
        deviation = node._saved_result2
    else:
        deviation = (node._saved_running_var + node._saved_eps).rsqrt()
    gain = deviation * one_if_none(node._saved_weight)
    return Step((0,), lambda signal: signal * gain.reshape(1, -1, *ones(signal)))


def fused_attention(node: Node) -> Step:
    """Queries and keys make the attention weights, which are recorded; the values go through."""
    return Step((2,))


def one_if_none(weight: Tensor | None) -> Tensor | float:
    """A norm's weight, which it may not have."""
    return 1.0 if weight is None else weight


def ones(signal: Tensor) -> tuple[int, ...]:
    """A 1 for every dimension after the channels."""
    return (1,) * (signal.dim() - 2)


SPECIAL: dict[str, Callable[[Node], Step]] = {
    "Clamp": clamp,
    "ClampMin": clamp,
    "Glu": glu,
    "Hardtanh": hardtanh,
    "LocalResponseNorm": lambda node: Step((0,), unchanged),
    "LeakyRelu": lambda node: leaky(node._saved_negative_slope),
    "Maximum": choice,
    "Minimum": choice,
    "NativeBatchNorm": batch_norm,
    "NativeGroupNorm": group_norm,
    "NativeLayerNorm": layer_norm,
    "PreluKernel": prelu,
    "RreluWithNoise": rrelu,
    "ScaledDotProductFlashAttentionForCpu": fused_attention,
    "Tanh": lambda node: Step((0,), unchanged),
    "Threshold": threshold,
}
