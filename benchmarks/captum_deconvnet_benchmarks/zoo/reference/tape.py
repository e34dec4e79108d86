"""One forward pass by autograd, and any number of projections from what it left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from captum_deconvnet_benchmarks.zoo.reference.endings import AsOneNode, ViewChanges, with_endings
from captum_deconvnet_benchmarks.zoo.reference.functions import Made, centred, check_not_merged
from captum_deconvnet_benchmarks.zoo.reference.nodes import (
    NORMS,
    Node,
    NoReferenceError,
    kind_of,
    postorder,
    sources,
)
from captum_deconvnet_benchmarks.zoo.reference.steps import Step, step

Grads = tuple[Tensor | None, ...]


@dataclass(frozen=True)
class Tape:
    """A recorded forward pass.

    Args:
        image: the input, the only leaf of the graph.
        output: what the model returned.
        values: what every layer that was asked for returned.
        edges: where that is in autograd's graph.
        opaque: in-place operations on views, which the graph does not show.
    """

    image: Tensor
    output: Any
    values: dict[str, Tensor]
    edges: dict[str, GradientEdge]
    opaque: set[str] = field(default_factory=set)

    def project(self, layer: str, seed: Tensor) -> tuple[Tensor, int]:
        """Send ``seed`` from a layer back to the image.

        Args:
            layer: one of those that were asked for.
            seed: as large as the layer's output.

        Returns:
            The projection, as large as the image, and at how many nodes the gradient was taken for
            want of a rule.

        Raises:
            NoReferenceError: a node on the way has no rule.
        """
        edge = self.edges[layer]
        steps = steps_from(edge.node)
        if self.opaque and any(node.name().endswith("CopySlices") for node in steps):
            raise NoReferenceError(f"in-place on a view: {', '.join(sorted(self.opaque))}")
        with ExitStack() as stack:
            for node, taken in steps.items():
                stack.callback(node.register_hook(replacement(taken)).remove)
            found = self._backward(edge, seed)
        return found, sum(taken.is_gradient for taken in steps.values())

    def gradient(self, layer: str, seed: Tensor) -> Tensor:
        """The gradient by autograd, no rule applied.

        Norms are given gradients with ordinary strides: see ``batch_norm`` in ``steps``.
        """
        edge = self.edges[layer]
        with ExitStack() as stack:
            for node in postorder(edge.node):
                if kind_of(node.name()) in NORMS:
                    stack.callback(node.register_prehook(contiguous).remove)
            return self._backward(edge, seed)

    def _backward(self, edge: GradientEdge, seed: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(
            [edge], [self.image], [seed], retain_graph=True, materialize_grads=True
        )
        return found


def read(model: nn.Module, image: Tensor, layers: Sequence[str]) -> Tape:
    """Run ``model`` once.

    Args:
        model: in eval mode; it is left as it was.
        image: (N, C, H, W) or (N, C, T, H, W), in the model's type.
        layers: paths of modules that return one tensor. Of a module that is called more than
            once, the last call counts.
    """
    image = image.detach().clone().requires_grad_()
    values: dict[str, Tensor] = {}
    edges: dict[str, GradientEdge] = {}

    def keep(layer: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, args: Any, output: Tensor) -> None:
            values[layer] = output.detach().clone()
            edges[layer] = get_gradient_edge(output)  # a later in-place step moves the tensor's own

        return hook

    with ExitStack() as stack:
        stack.enter_context(as_constants(model))
        for layer in layers:
            handle = model.get_submodule(layer).register_forward_hook(keep(layer))
            stack.callback(handle.remove)
        watch = stack.enter_context(ViewChanges())
        stack.enter_context(AsOneNode())
        with torch.enable_grad():
            output = model(image.clone())
    return Tape(image, output, values, edges, watch.names)


@contextmanager
def as_constants(model: nn.Module) -> Iterator[None]:
    """Parameters that ask for no gradient, and activations that are not in place, for a while."""
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    in_place = [module for module in model.modules() if getattr(module, "inplace", False) is True]
    try:
        model.requires_grad_(False)
        for module in in_place:
            module.inplace = False  # type: ignore[assignment]
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_()
        for module in in_place:
            module.inplace = True  # type: ignore[assignment]


def steps_from(root: Node) -> dict[Node, Step]:
    """The nodes that a signal from ``root`` passes, each with what happens there."""
    made_of = sources(root)
    means = centred(made_of)
    steps: dict[Node, Step] = {}
    merged: Made = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node not in steps:
            check_not_merged(node, merged)
            steps[node] = step(node, made_of, means)
            waiting += [node.next_functions[index][0] for index in steps[node].live]
    return with_endings(root, steps)


def contiguous(signals: Grads) -> Grads:
    """The same values, laid out in order."""
    return tuple(signal if signal is None else signal.contiguous() for signal in signals)


def replacement(taken: Step) -> Callable[[Grads, Grads], Grads | None]:
    """The hook that makes a node do its step."""

    def hook(entered: Grads, left: Grads) -> Grads | None:
        signal = left[0]
        if signal is None and taken.backward is not None:
            return None
        made = taken.backward(signal) if taken.backward and signal is not None else None
        return tuple(
            (made if made is not None else gradient) if index in taken.live else None
            for index, gradient in enumerate(entered)
        )

    return hook
