"""Where a map lies and how much room it takes: correspondence, complexity, localisation."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from captum_deconvnet.occlusion.correspondence_scores import distances
from captum_deconvnet_benchmarks.metrics.complexity import ComplexityBenchmark
from captum_deconvnet_benchmarks.metrics.localisation import LocalisationBenchmark
from captum_deconvnet_benchmarks.selftest.case import Case
from captum_deconvnet_benchmarks.selftest.subjects import HalfSquare, always, numbers, score


def correspondence() -> list[Case]:
    """Correspondence of parts (Zeiler & Fergus 2014, Table 1), a metric of models."""
    change = numbers(1, 40)
    alike, turned = change.expand(5, -1), change * torch.tensor([[1], [1], [1], [-1], [-1]])
    random = numbers(2, 100_000)

    def mean(changes: Tensor) -> Callable[[], float]:
        return lambda: sum(found := distances(changes)) / len(found)

    return [
        Case("correspondence", "five changes alike", 0, mean(alike)),
        Case("correspondence", "two of five turned round", 0.6, mean(turned)),
        Case("correspondence", "random signs", 0.5, mean(random), 0.01),
    ]


def complexity() -> list[Case]:
    """Complexity: maps of few numbers."""

    def of(values: list[float], name: str) -> Callable[[], float]:
        maps = torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)
        return score(name, ComplexityBenchmark, HalfSquare(), maps, always(maps))

    one = [1.0] + [0.0] * 63
    return [
        Case("complexity", "one of 64, sparseness", 63 / 64, of(one, "sparseness")),
        Case("complexity", "one of 64, entropy", 0, of(one, "complexity")),
        Case("complexity", "64 equal, sparseness", 0, of([2.0] * 64, "sparseness")),
        Case("complexity", "64 equal, entropy", math.log(64), of([2.0] * 64, "complexity")),
        Case("complexity", "1, 2, 3, 4, sparseness", 0.25, of([1.0, 2.0, -3.0, 4.0], "sparseness")),
        Case("complexity", "two halves, entropy", math.log(2), of([0.5, -0.5], "complexity")),
        Case("complexity", "one of 64, used", 1 / 64, of(one, "effective_complexity")),
    ]


def localisation() -> list[Case]:
    """Localisation: a corner of 101 by 101 pixels of 224 by 224."""
    regions = torch.zeros(1, 224, 224, dtype=torch.bool)
    regions[:, :101, :101] = True

    def of(name: str, maps: Tensor) -> Callable[[], float]:
        return score(name, LocalisationBenchmark, HalfSquare(), maps, always(maps), regions=regions)

    def point(row: int, column: int) -> Tensor:
        maps = torch.zeros(1, 1, 224, 224)
        maps[0, 0, row, column] = 1
        return maps

    return [
        Case("localisation", "a point at 14.9 pixels", 1, of("pointing", point(114, 105))),
        Case("localisation", "a point at 15 pixels", 0, of("pointing", point(109, 112))),
        Case(
            "localisation",
            "the mass of a uniform map",
            (101 / 224) ** 2,
            of("mass", torch.ones(1, 1, 224, 224)),
        ),
        Case("localisation", "the rank of the region itself", 1, of("rank", regions[None].float())),
    ]
