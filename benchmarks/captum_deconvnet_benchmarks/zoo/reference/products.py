"""Products of two activations: which one carries the signal."""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet_benchmarks.zoo.reference.nodes import (
    GATES,
    Node,
    NoReferenceError,
    Sources,
    is_bounded,
    is_recorded,
    is_weights,
    kind_of,
    named,
)

SHAPELESS = named("Add Clone Mul")
"""What may stand between a self-gated activation's input and its gate: constants."""

ONE_SIDED = named("Convolution Div")
"""A filter or a denominator that was made from the image is what the data selected or scaled."""


@dataclass(frozen=True)
class Operands:
    """How a product is run backwards.

    Args:
        live: the operands that carry the signal.
        is_self_gated: it is ``x * gate(x)``, an activation that was spelled out.
        cap: what the gate comes to for large ``x``.
        is_gradient: more than one operand carries it, and no rule says that one should not.
    """

    live: tuple[int, ...]
    is_self_gated: bool = False
    cap: float = 1.0
    is_gradient: bool = False


def operands(node: Node, inputs: tuple[int, ...], sources: Sources) -> Operands:
    """Hold fixed the operand that is a gate or a statistic.

    Args:
        node: a product.
        inputs: those of its inputs that depend on the image.
        sources: what each node is made of.

    Raises:
        NoReferenceError: both factors are gates.
    """
    if kind_of(node.name()) in ONE_SIDED and 0 in inputs:
        return Operands((0,))
    factors = tuple(index for index in inputs if index not in added(node))
    summands = tuple(index for index in inputs if index in added(node))
    if len(factors) < 2:
        return Operands(inputs)
    made_of = {index: sources[node.next_functions[index][0]] for index in factors}
    for is_fixed in (is_weights, is_recorded, is_bounded):
        fixed = tuple(index for index in factors if is_fixed(made_of[index]))
        if fixed and fixed != factors:
            live = tuple(index for index in factors if index not in fixed)
            is_own = gates_itself(node, live[0], fixed[0])
            cap = cap_of(node.next_functions[fixed[0]][0]) if is_own else 1.0
            return Operands(summands + live, is_self_gated=is_own, cap=cap)
    if fixed:
        raise NoReferenceError(f"both factors of {node.name()} are gates")
    return Operands(inputs, is_gradient=True)


def added(node: Node) -> tuple[int, ...]:
    """The inputs that are added to the product of the others."""
    return (0,) if kind_of(node.name()).startswith(("Add", "Badd")) else ()


def unscaled(node: Node) -> Node:
    """What a node adds constants to or multiplies by them, if it does no more."""
    while kind_of(node.name()) in SHAPELESS | {"Div"}:
        before = [step for step, _ in node.next_functions if step]
        if len(before) != 1:
            return node
        (node,) = before
    return node


def cap_of(node: Node) -> float:
    """What a gate comes to for large inputs: 1 of a sigmoid, 6 of ReLU6, times what scales it."""
    made, cap = unscaled(node), 1.0
    while node is not made:
        if kind_of(node.name()) in ("Mul", "Div"):
            cap *= float(node._saved_other) ** (1 if kind_of(node.name()) == "Mul" else -1)
        (node,) = [step for step, _ in node.next_functions if step]
    return cap * (made._saved_max_val if is_positive_clip(made) else 1.0)


def is_positive_clip(node: Node) -> bool:
    """Whether a node clips from 0 on, as ReLU6: times its own input it is a hard swish."""
    return kind_of(node.name()) == "Hardtanh" and bool(node._saved_min_val >= 0)


def gates_itself(node: Node, signal: int, gate: int) -> bool:
    """Whether the gate was made, value by value, from the very tensor that it multiplies."""
    target = node.next_functions[signal]
    made = unscaled(node.next_functions[gate][0])
    if kind_of(made.name()) not in GATES and not is_positive_clip(made):
        return False
    edge = made.next_functions[0]
    while edge != target and edge[0] and kind_of(edge[0].name()) in SHAPELESS:
        before = [step for step in edge[0].next_functions if step[0]]
        if len(before) != 1:
            return False
        edge = before[0]
    return bool(edge == target)
