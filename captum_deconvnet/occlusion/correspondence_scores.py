"""Correspondence scores: how far changes of features agree in sign over pairs of images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from statistics import fmean, pstdev

from torch import Tensor

from captum_deconvnet.errors import unknown_layer
from captum_deconvnet.short_repr import named_repr


@dataclass(frozen=True)
class Score:
    """How consistently covering one part changes one layer; lower is more consistent.

    Args:
        mean: over ordered pairs of images, the share of coordinates whose signs of change differ.
        deviation: the standard deviation over those pairs.
        pairs: how many there are.
    """

    mean: float
    deviation: float
    pairs: int


class CorrespondenceScores(dict[str, dict[str, Score]]):
    """Scores by layer and part: ``scores[layer][part]``."""

    def __missing__(self, layer: str) -> dict[str, Score]:
        """Refuse a layer that was not compared, with near names."""
        raise unknown_layer("layer", str(layer), self, "Only compared layers have scores.")

    def __repr__(self) -> str:
        """The layers and the parts."""
        parts = list(next(iter(self.values()), ()))
        return named_repr(self, layers=list(self), parts=parts)


def distances(changes: Tensor) -> list[float]:
    """For ordered pairs of rows (N, D), the share of coordinates whose signs differ."""
    signs = changes.sign()
    pairs = permutations(range(len(signs)), 2)
    return [float((signs[i] != signs[j]).double().mean()) for i, j in pairs]


def score(found: list[float]) -> Score:
    """The mean and the deviation of distances."""
    return Score(fmean(found), pstdev(found), len(found))
