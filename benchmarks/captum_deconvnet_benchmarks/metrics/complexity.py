"""Complexity, how few pixels a map needs: sparseness, complexity, effective complexity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    check_channels,
    maps_of,
    net_of,
)
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores


class ComplexityBenchmark:
    """Gini index, entropy and share of pixels that count, of absolute maps.

    Chalasani et al. 2020 (sparseness), Bhatt et al. 2020 (complexity), Nguyen & Martinez 2020
    (effective complexity).

    Args:
        model: the model; it is not run.
        channels: how maps lose their channels; the absolute value is taken after that.
        threshold: the share of the largest value above which a pixel counts as used.

    Raises:
        UnknownNameError: for an unknown reduction.
    """

    def __init__(
        self, model: Model, *, channels: str = "absolute", threshold: float = 1e-5
    ) -> None:
        """Score the maps of ``model``."""
        self.model, self.threshold = net_of(model), threshold
        self.channels = check_channels(channels)

    def evaluate(
        self,
        explainer: BoundExplainer,
        inputs: Tensor,
        target: Tensor,
        *,
        attributions: Tensor | None = None,
        seeds: Sequence[int] | None = None,
        regions: Tensor | None = None,
    ) -> Scores:
        """``sparseness`` in [0, 1), ``complexity`` in nats, ``effective_complexity`` in [0, 1].

        A map of zeros has none of them: NaN.
        """
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        sizes = maps.abs().flatten(1)
        return Scores(
            {
                "sparseness": gini(sizes),
                "complexity": entropy(sizes),
                "effective_complexity": used(sizes, self.threshold),
            }
        )


def gini(sizes: Tensor) -> Tensor:
    """The Gini index of rows (N, D) of sizes: 0 if all are equal, 1 - 1/D if only one is not 0."""
    count = sizes.shape[1]
    ranks = torch.arange(1, count + 1, dtype=torch.float64, device=sizes.device)
    weights = (count - ranks + 0.5) / count
    above: Tensor = (_shares(sizes.sort(dim=1).values) * weights).sum(1)
    return 1 - 2 * above


def entropy(sizes: Tensor) -> Tensor:
    """The entropy in nats of each row's shares (N, D): 0 to the logarithm of D."""
    found: Tensor = torch.special.entr(_shares(sizes)).sum(1)
    return found


def used(sizes: Tensor, threshold: float) -> Tensor:
    """The share of entries above ``threshold`` times the largest; NaN for rows of zeros."""
    largest = sizes.amax(1, keepdim=True)
    share = (sizes > threshold * largest).double().mean(1)
    return torch.where(largest[:, 0] > 0, share, torch.nan)


def _shares(sizes: Tensor) -> Tensor:
    """Each size as a share of its row's sum, without overflow on the way."""
    scaled = sizes.double() / sizes.double().amax(1, keepdim=True)
    return scaled / scaled.sum(1, keepdim=True)
