"""How alike two maps are: a table of measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from captum_deconvnet.errors import unknown_name
from captum_deconvnet_benchmarks.metrics import correlation
from captum_deconvnet_benchmarks.metrics.structure import oriented_gradients, ssim

Similarity = Callable[[Tensor, Tensor], Tensor]
"""``(maps (N, H, W), maps (N, H, W)) -> (N,)``, 1 for equal maps."""


def scaled(maps: Tensor) -> Tensor:
    """Maps divided by their largest absolute value, so that they lie in [-1, 1]."""
    largest = maps.abs().amax((1, 2), keepdim=True)
    return maps / torch.where(largest > 0, largest, torch.ones_like(largest))


def _of_rows(measure: Similarity) -> Similarity:
    return lambda left, right: measure(left.flatten(1), right.flatten(1))


def _hog(left: Tensor, right: Tensor) -> Tensor:
    return correlation.pearson(oriented_gradients(scaled(left)), oriented_gradients(scaled(right)))


SIMILARITIES: dict[str, Similarity] = {
    "spearman": _of_rows(correlation.spearman),
    "absolute_spearman": _of_rows(correlation.absolute_spearman),
    "pearson": _of_rows(correlation.pearson),
    "cosine": _of_rows(correlation.cosine),
    "ssim": lambda left, right: ssim(scaled(left), scaled(right)),
    "hog": _hog,
}
"""``hog`` is Pearson's correlation of histograms of oriented gradients (Adebayo et al. 2018)."""


def check_similarities(names: Iterable[str]) -> tuple[str, ...]:
    """The names of similarities, if they all are.

    Raises:
        UnknownNameError: if one is not.
    """
    found = tuple(names)
    for name in found:
        if name not in SIMILARITIES:
            raise unknown_name("similarity", name, SIMILARITIES)
    return found
