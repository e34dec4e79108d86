"""A softmax that a model ends in: the projection starts at the logit."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from captum_deconvnet_benchmarks.zoo.reference.nodes import LINEAR, SWITCHES, kind_of, named
from captum_deconvnet_benchmarks.zoo.reference.sources import Node, postorder
from captum_deconvnet_benchmarks.zoo.reference.steps import Step, unchanged

SOFTMAXES = named("LogSoftmax SafeSoftmax Softmax")


def with_endings(root: Node, steps: Mapping[Node, Step]) -> dict[Node, Step]:
    """The steps, a softmax that only rearrangements lead to from ``root`` being the identity."""
    computed_with: set[Node] = set()
    found = dict(steps)
    for node in reversed(postorder(root)):  # what is made of a node comes before the node
        if node not in found:
            continue
        if node in computed_with or not rearranges(node):
            computed_with.update(node.next_functions[index][0] for index in found[node].live)
        if kind_of(node.name()) in SOFTMAXES and node not in computed_with:
            found[node] = Step(found[node].live, unchanged)
    return found


def rearranges(node: Node) -> bool:
    """Whether a node leaves probabilities what they are, up to a factor for all of them."""
    kind = kind_of(node.name())
    if kind in ("Mul", "Div"):
        other = node._saved_other
        return isinstance(other, Tensor) and other.dim() == 0
    return kind in LINEAR | SWITCHES | SOFTMAXES
