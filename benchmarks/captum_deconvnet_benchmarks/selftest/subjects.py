"""Nets and explainers of which everything is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Explainer, Subject
from captum_deconvnet_benchmarks.protocol.metric import Scores

Explain: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""``(model, inputs, target) -> maps``."""


class LinearNet(nn.Module):
    """Logits that are weighted sums of all pixels."""

    def __init__(self, weights: Tensor) -> None:
        """Take weights (K, C, H, W)."""
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K)."""
        return torch.einsum("nchw,kchw->nk", inputs, self.weights)


class HalfSquare(nn.Module):
    """Half the squared length of an image: its gradient is the image."""

    def forward(self, inputs: Tensor) -> Tensor:
        """One logit, (N, 1)."""
        return inputs.square().flatten(1).sum(1, keepdim=True) / 2


def numbers(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers, always the same."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gradient(model: nn.Module, inputs: Tensor, target: Tensor) -> Tensor:
    """The gradient of each image's target."""
    images = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        chosen = model(images).gather(1, target[:, None]).sum()
        return torch.autograd.grad(chosen, images)[0]


def contributions(model: nn.Module, inputs: Tensor, target: Tensor) -> Tensor:
    """Gradient times input: for a linear net, what each pixel adds."""
    return gradient(model, inputs, target) * inputs


def times(factor: float, explain: Explain) -> Explain:
    """An explainer's maps, multiplied."""
    return lambda model, inputs, target: factor * explain(model, inputs, target)


def always(maps: Tensor) -> Explain:
    """The same maps, whatever is asked."""
    return lambda model, inputs, target: maps.expand(len(inputs), *maps.shape[1:])


def evaluated(
    build: Callable[..., Any],
    model: nn.Module,
    inputs: Tensor,
    explain: Explain,
    *,
    target: int = 0,
    regions: Tensor | None = None,
    **choices: Any,
) -> Scores:
    """The scores of an explainer by a benchmark ``build(model, **choices)``."""
    explainer = Explainer(
        "self-test", lambda subject, images, classes, seeds: explain(subject.model, images, classes)
    )
    found: Scores = build(model.eval(), **choices).evaluate(
        BoundExplainer(explainer, Subject("self-test", model)),
        inputs,
        torch.full((len(inputs),), target),
        regions=regions,
    )
    return found


def score(name: str, *call: Any, **choices: Any) -> Callable[[], float]:
    """One score of the first image, to be measured later; arguments as of ``evaluated``."""
    return lambda: float(evaluated(*call, **choices).values[name][0])
