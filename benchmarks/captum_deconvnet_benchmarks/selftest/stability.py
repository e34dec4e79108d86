"""What should move a map, and what should not: the picture, noise, the class, the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet import DeconvNet
from captum_deconvnet_benchmarks.metrics.class_sensitivity import ClassSensitivityBenchmark
from captum_deconvnet_benchmarks.metrics.invariance import InvarianceBenchmark
from captum_deconvnet_benchmarks.metrics.randomisation import RandomisationBenchmark
from captum_deconvnet_benchmarks.metrics.sensitivity import MaxSensitivityBenchmark
from captum_deconvnet_benchmarks.selftest.case import Case
from captum_deconvnet_benchmarks.selftest.subjects import (
    Explain,
    HalfSquare,
    LinearNet,
    always,
    evaluated,
    gradient,
    numbers,
    score,
)

SMALL = LinearNet(numbers(1, 1, 4, 4))
SMALL_IMAGE = numbers(1, 1, 4, 4, seed=2)


def circular_net() -> nn.Module:
    """A net that sees a picture without edges and does not see where things are."""
    conv = nn.Conv2d(1, 6, 3, padding=1, padding_mode="circular").double()
    conv.weight.data, conv.bias.data = numbers(6, 1, 3, 3), numbers(6)  # type: ignore[union-attr]
    linear = nn.Linear(6, 4).double()
    linear.weight.data, linear.bias.data = numbers(4, 6), numbers(4)
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


ROLLED: dict[str, Any] = {
    "transform": lambda images, value: images.roll(int(value), -1),
    "values": [3],
    "similarity": "cosine",
}
"""A circular shift by three columns."""


def projection(relu: str) -> Explain:
    """The projection of the target's logit, with one of the rules for rectifiers."""
    return lambda model, inputs, target: DeconvNet(model, relu=relu).attribute(
        inputs, target=target
    )


def invariance() -> list[Case]:
    """Invariance of maps and of features: a circular net under circular shifts."""
    stored = always(numbers(1, 1, 8, 8, seed=3))
    rows: list[tuple[Any, ...]] = [
        *(
            (f"circular net, {relu}", 1, _score_of_map("equivariance", projection(relu)))
            for relu in ("gradient", "deconvnet", "guided")
        ),
        ("a stored map", 0.9, _score_of_map("equivariance", stored), 0, "<"),
        ("a stored map, left alone", 1, _score_of_map("invariance", stored)),
        ("features of the last layer", 0, lambda: _feature_distance("4")),
        ("features of the first", 0.1, lambda: _feature_distance("0"), 0, ">"),
    ]
    return [Case("invariance", *row) for row in rows]


def _rolled() -> tuple[type[InvarianceBenchmark], nn.Module, Tensor]:
    return InvarianceBenchmark, circular_net(), numbers(1, 1, 8, 8)


def _feature_distance(layer: str) -> float:
    """How far the features of a layer of the circular net move."""
    found = evaluated(*_rolled(), gradient, layers=["0", "4"], **ROLLED)
    return float(found.curves[f"features of {layer}"].y)


def _score_of_map(name: str, explain: Any) -> Callable[[], float]:
    return score(name, *_rolled(), explain, **ROLLED)


def max_sensitivity() -> list[Case]:
    """Max-sensitivity (Yeh et al. 2019): gradients that stand still, and one that moves."""
    length = float(SMALL_IMAGE.square().sum().sqrt())
    corner = {"draw": "corners", "radius": 0.1}
    build = MaxSensitivityBenchmark
    return [
        Case(
            "max_sensitivity",
            "linear net, gradient",
            0,
            score("max_sensitivity", build, SMALL, SMALL_IMAGE, gradient),
        ),
        Case(
            "max_sensitivity",
            "half the square, corners",
            0.1 * 4 / length,
            score("max_sensitivity", build, HalfSquare(), SMALL_IMAGE, gradient, **corner),
            1e-8,
        ),
    ]


def class_sensitivity() -> list[Case]:
    """Sensitivity to the class (Nie et al. 2018): two classes of a linear net."""
    weights, halves = numbers(1, 1, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    halves[0, :, :4], halves[1, :, 4:] = 1, 2
    image = numbers(1, 1, 8, 8, seed=4)

    def of(weights: Tensor, name: str, explain: Explain = gradient) -> Callable[[], float]:
        return score(
            f"{name}_least_likely", ClassSensitivityBenchmark, LinearNet(weights), image, explain
        )

    name = "class_sensitivity"
    return [
        Case(name, "classes in proportion", 1, of(torch.cat([weights, 3 * weights]), "spearman")),
        Case(name, "opposed classes", -1, of(torch.cat([weights, -2 * weights]), "spearman")),
        Case(name, "classes that share no pixel", 0, of(halves, "cosine")),
        Case(name, "a map that ignores the class", 1, of(halves, "ssim", always(weights))),
    ]


def randomisation() -> list[Case]:
    """Parameter randomisation (Adebayo et al. 2018): a map that ignores the model."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2)).double()
    call = (RandomisationBenchmark, model, numbers(1, 1, 8, 8), always(numbers(1, 1, 8, 8, seed=5)))
    names = ("spearman", "last_absolute_spearman", "ssim", "hog")
    return [
        Case("randomisation", f"a map that ignores the model, {name}", 1, score(name, *call))
        for name in names
    ]
