"""Functions that models spell out in several operations.

Functions of one activation are merged by the engine, and have no literal rule. In norms,
``(x - mean) / deviation``, the mean is recorded as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from captum_deconvnet_benchmarks.zoo.reference.nodes import (
    BOUNDED,
    GATES,
    GRADIENT,
    LINEAR,
    RECTIFIERS,
    STATISTIC,
    Node,
    NoReferenceError,
    Sources,
    kind_of,
    named,
)

WITHOUT_RULE = GRADIENT & named("Abs Erf Exp Log Pow Reciprocal Rsqrt Sqrt Tan")
SMOOTH = BOUNDED | GATES | RECTIFIERS | named("LeakyRelu PreluKernel Threshold ClampMin Clamp")
ELEMENTWISE = (
    WITHOUT_RULE | SMOOTH | named("Add Sub Mul Div Neg Clone Maximum Minimum Where MaskedFill")
)
CHOICES = named("Maximum Minimum Where")

Functions = tuple[frozenset[Node], frozenset[str]]
Made = dict[Node, Functions]


def check_not_merged(node: Node, made: Made) -> None:
    """Raise where functions of one activation are merged and rules of the parts do not tell.

    Args:
        node: a node on the way back.
        made: what is known of other nodes: of which activations each is a function of one number
            a place, and through which kinds of operations.
    """
    given = [before for before, _ in node.next_functions if before]
    kind = kind_of(node.name())
    if len(given) < 2 or kind not in ELEMENTWISE:
        return
    roots, kinds = merged(node, made)
    is_difference = kind == "Sub" and bool(kinds & SMOOTH)
    if len(roots) == 1 and (kind in CHOICES or kinds & WITHOUT_RULE or is_difference):
        raise NoReferenceError(f"{node.name()} merges functions of one activation")


def functions_of(node: Node, made: Made) -> Functions:
    """The activation that a node is an elementwise function of, and the operations between.

    What is made of several is an activation of its own.
    """
    if node not in made:
        itself = (frozenset([node]), frozenset[str]())
        is_elementwise = kind_of(node.name()) in ELEMENTWISE and any(
            before for before, _ in node.next_functions
        )
        found = merged(node, made) if is_elementwise else itself
        made[node] = found if len(found[0]) == 1 else itself
    return made[node]


def merged(node: Node, made: Made) -> Functions:
    """The activations that an operation's arguments are functions of, and the operations."""
    parts = [functions_of(before, made) for before, _ in node.next_functions if before]
    roots = frozenset[Node]().union(*(part[0] for part in parts))
    return roots, frozenset([kind_of(node.name())]).union(*(part[1] for part in parts))


MEANS = frozenset(["Mean", "VarMean", "StdMean"])


def centred(sources: Sources) -> set[Node]:
    """The differences that are then divided by a deviation, and subtract a mean."""
    return {
        difference
        for node in sources
        if kind_of(node.name()) in ("Mul", "Div")
        for difference in scaled_differences(node, sources)
        if subtracts_mean(difference)
    }


def scaled_differences(node: Node, sources: Sources) -> Iterator[Node]:
    """The differences among the factors of ``node``, if another factor is a deviation."""
    factors = [before for before, _ in node.next_functions if before]
    for factor, other in zip(factors, reversed(factors), strict=True):
        is_scaled = factor is not other and sources[other] == {STATISTIC}
        if is_scaled and kind_of(factor.name()) == "Sub":
            yield factor


def subtracts_mean(difference: Node) -> bool:
    """Whether what is subtracted is a mean, perhaps reshaped."""
    node = difference.next_functions[1][0]
    while node and kind_of(node.name()) in LINEAR - MEANS and len(node.next_functions) == 1:
        node = node.next_functions[0][0]
    return bool(node) and kind_of(node.name()) in MEANS
