"""Explainers and nets for the tests of metrics: small enough to work out by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Explainer, Subject


class LinearNet(nn.Module):
    """Logits that are weighted sums of all pixels; weights (K, C, H, W)."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weights.clone())

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.einsum("nchw,kchw->nk", inputs, self.weight)


def bound(model: nn.Module, attribute, name: str = "by hand") -> BoundExplainer:
    """An explainer ``attribute(model, inputs, target, seeds) -> maps`` of a net."""
    explainer = Explainer(
        name,
        lambda subject, inputs, target, seeds: attribute(subject.model, inputs, target, seeds),
    )
    return BoundExplainer(explainer, Subject("net", model.eval()))


def gradient(model: nn.Module, inputs: Tensor, target: Tensor, seeds=()) -> Tensor:
    """The gradient of each image's target, by autograd."""
    images = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        chosen = model(images).gather(1, target[:, None]).sum()
        return torch.autograd.grad(chosen, images)[0]


def gradient_by_input(model, inputs, target, seeds=()) -> Tensor:
    return gradient(model, inputs, target) * inputs


def given(maps: Tensor):
    """An explainer that gives the same maps whatever it is asked."""
    return lambda model, inputs, target, seeds: maps.expand(len(inputs), *maps.shape[1:])


def conv_net(channels: int = 3, classes: int = 5, seed: int = 0) -> nn.Sequential:
    """A small random net for images of 16 by 16."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 64, classes),
    ).eval()
