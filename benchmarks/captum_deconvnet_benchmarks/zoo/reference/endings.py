"""What autograd's graph shows otherwise than the rule table has it.

A softmax that a model ends in is left out: the projection starts at the logit. In-place operations
on views do not show in the graph. Local response normalisation is several operations to autograd,
and one row of the rule table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet_benchmarks.zoo.reference.nodes import (
    LINEAR,
    SWITCHES,
    Node,
    kind_of,
    named,
    postorder,
)
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


LINEAR_IN_PLACE = named("add_ sub_ copy_ fill_ zero_")
"""Whichever view they change, the whole stays linear."""


class ViewChanges(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the names of operations that change a view by more than a linear step."""

    def __init__(self) -> None:
        """Nothing has been changed yet."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the operation; note its name if it changes a view in a way that hides a rule."""
        name = func._schema.name.rpartition("::")[2]
        changes = name.endswith("_") and not name.endswith("__")
        if changes and isinstance(args[0], Tensor) and args[0]._is_view():
            scaled = name in ("mul_", "div_") and not isinstance(args[1], Tensor)
            if name not in LINEAR_IN_PLACE and not scaled:
                self.names.add(name)
        return func(*args, **(kwargs or {}))


normalise = F.local_response_norm


class LocalResponseNorm(torch.autograd.Function):
    """The operation as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, *settings: Any) -> Tensor:
        """As torch computes it."""
        ctx.save_for_backward(image)
        ctx.settings = settings
        return normalise(image, *settings)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Any:
        """Its derivative."""
        (image,) = ctx.saved_tensors
        with torch.enable_grad():
            given = image.detach().requires_grad_()
            (found,) = torch.autograd.grad(normalise(given, *ctx.settings), given, signals[0])
        return (found, *(None for _ in ctx.settings))


class AsOneNode(TorchFunctionMode):
    """Runs every local response normalisation as one node."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function."""
        given = kwargs or {}
        if func is not normalise:
            return func(*args, **given)
        defaults = {"size": None, "alpha": 1e-4, "beta": 0.75, "k": 1.0} | given
        settings = [*args[1:], *list(defaults.values())[len(args) - 1 : 4]]
        with torch._C.DisableTorchFunctionSubclass():
            return LocalResponseNorm.apply(args[0], *settings)
