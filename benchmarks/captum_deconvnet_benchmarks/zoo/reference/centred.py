"""Norms that are spelled out, ``(x - mean) / deviation``: the mean is recorded as well."""

from __future__ import annotations

from collections.abc import Iterator

from captum_deconvnet_benchmarks.zoo.reference.nodes import LINEAR, kind_of
from captum_deconvnet_benchmarks.zoo.reference.sources import STATISTIC, Node, Sources

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
