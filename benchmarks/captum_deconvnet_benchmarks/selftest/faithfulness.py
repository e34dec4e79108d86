"""Whether a map says what the output owes to the pixels: occlusion, deletion, ROAD, infidelity."""

from __future__ import annotations

import torch

from captum_deconvnet_benchmarks.metrics.deletion import DeletionInsertionBenchmark
from captum_deconvnet_benchmarks.metrics.infidelity import InfidelityBenchmark
from captum_deconvnet_benchmarks.metrics.occlusion import OcclusionBenchmark
from captum_deconvnet_benchmarks.metrics.road import imputed
from captum_deconvnet_benchmarks.selftest.case import Case
from captum_deconvnet_benchmarks.selftest.subjects import (
    Explain,
    LinearNet,
    always,
    contributions,
    gradient,
    numbers,
    score,
    times,
)

IMAGE = numbers(1, 2, 28, 28, seed=1)
LINEAR = LinearNet(numbers(3, 2, 28, 28))
SMALL = LinearNet(numbers(1, 1, 4, 4))
SMALL_IMAGE = numbers(1, 1, 4, 4, seed=2)
FOUR = torch.tensor([[[[4.0, 3.0], [2.0, 1.0]]]])
SUM = LinearNet(torch.ones(1, 1, 2, 2))


def occlusion() -> list[Case]:
    """Occlusion correlation: on a linear net a contribution map's window sums are the falls."""
    rows: list[tuple[str, float, Explain]] = [
        ("linear net, its contributions", 1, contributions),
        ("their negative", -1, times(-1, contributions)),
        ("seven times them", 1, times(7, contributions)),
    ]
    return [
        Case("occlusion", name, expected, score(kind, OcclusionBenchmark, LINEAR, IMAGE, explain))
        for name, expected, explain in rows
        for kind in ("spearman", "pearson")
    ]


def deletion() -> list[Case]:
    """Deletion and insertion: contributions 4, 3, 2, 1."""
    choices = {"steps": 4, "insertion": "zero", "output": "logit"}
    call = (DeletionInsertionBenchmark, SUM, FOUR, contributions)
    even = (DeletionInsertionBenchmark, SUM, torch.ones(1, 1, 2, 2), always(FOUR))
    name = "deletion_insertion"
    return [
        Case(name, "4, 3, 2, 1 deleted", 3.75, score("deletion", *call, **choices)),
        Case(name, "4, 3, 2, 1 inserted", 6.25, score("insertion", *call, **choices)),
        Case(name, "1, 1, 1, 1, any order", 2, score("deletion", *even, **choices)),
    ]


def road() -> list[Case]:
    """ROAD: the imputer, without noise."""
    rows, columns = torch.meshgrid(torch.arange(12), torch.arange(9), indexing="ij")
    ramp = (2.0 * rows - columns)[None].double()
    holes = torch.zeros(12, 9, dtype=torch.bool)
    holes[1:-1, 1:-1] = numbers(10, 7) > 0
    one = torch.zeros(4, 4, dtype=torch.bool)
    one[1, 1] = True
    edges, corners = SMALL_IMAGE[0, 0, [0, 2, 1, 1], [1, 1, 0, 2]], SMALL_IMAGE[0, 0, ::2, ::2]
    mean = float(edges.sum() / 6 + corners.sum() / 12)
    return [
        Case(
            "road", "one missing pixel", mean, lambda: float(imputed(SMALL_IMAGE[0], one)[0, 1, 1])
        ),
        Case(
            "road",
            "a ramp is a fixed point",
            0,
            lambda: float((imputed(ramp, holes) - ramp).abs().max()),
        ),
    ]


def infidelity() -> list[Case]:
    """Infidelity: a linear net and c times its gradient."""
    call = (InfidelityBenchmark, SMALL, SMALL_IMAGE)
    triple = times(3, gradient)
    expected = 4 * 0.25 * float(SMALL.weights.detach().square().sum())
    many = {"samples": 4000, "deviation": 0.5}
    return [
        Case("infidelity", "linear net, gradient", 0, score("infidelity", *call, gradient)),
        Case(
            "infidelity",
            "three times it, noise of 0.5",
            expected,
            score("infidelity", *call, triple, **many),
            0.1 * expected,
        ),
        Case("infidelity", "three times it, normalised", 0, score("normalised", *call, triple)),
    ]
