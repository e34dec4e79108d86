"""Parameter randomisation (Adebayo et al. 2018): does a map look at what the model has learned?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    check_channels,
    maps_of,
    net_of,
    seeds_or_numbers,
    versions_explained,
)
from captum_deconvnet_benchmarks.metrics.randomised_model import Randomisation
from captum_deconvnet_benchmarks.metrics.similarity import (
    SIMILARITIES,
    check_similarities,
    histogram_entropy,
)
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Curve, Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of

BINS = 100


class RandomisationBenchmark:
    """Likeness of a model's maps to those of the same model with random weights.

    Adebayo et al. 2018; with ``copies`` the smooth variant of Hedstrom et al. 2023 (each map is
    the mean over noisy copies of the image), whose efficient variant is ``entropy_rise``.

    Args:
        model: the model; it is copied, not changed.
        order: ``"top_down"`` or ``"bottom_up"`` in cascade, or one group of layers at a time,
            ``"independent"``.
        stages: into how many groups the layers are cut; None for one each.
        norms: whether norm layers are ``"kept"`` as they are or ``"reset"``, statistics included.
        weights_seed: of the new weights, the same for all images.
        similarities: names of measures; the first is the headline.
        channels: how maps lose their channels.
        copies: noisy copies of each image; 0 for the image alone.
        noise: deviation of their noise, as a share of the range of the image's values.

    Raises:
        UnknownNameError: for an unknown order, treatment of norms, similarity or reduction.
        ModelError: for fewer than one stage or a negative number of copies.
    """

    def __init__(
        self,
        model: Model,
        *,
        order: str = "top_down",
        stages: int | None = 5,
        norms: str = "kept",
        weights_seed: int = 42,
        similarities: Iterable[str] = ("absolute_spearman", "spearman", "ssim", "hog"),
        channels: str = "signed",
        copies: int = 0,
        noise: float = 0.1,
    ) -> None:
        """Randomise copies of ``model``."""
        if copies < 0:
            raise ModelError(f"{copies} copies were asked for; give 0 or more.")
        self.model, self.channels = net_of(model), check_channels(channels)
        self.randomisation = Randomisation(order, stages, norms, weights_seed)
        self.similarities = check_similarities(similarities)
        self.copies, self.noise = copies, noise

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
        """Mean similarities over the stages, each as a curve, and the rise of entropy.

        Curves are over the share of layers randomised and begin with 1, the model itself.
        ``last_...`` are the similarities after the last stage. ``entropy_rise`` is what the entropy
        of the map's histogram gains by full randomisation, as a share of what it was; NaN for a map
        without any.
        """
        seeds = seeds_or_numbers(seeds, len(inputs))
        own = attributions if self.copies == 0 else None
        first = self._maps(explainer, inputs, target, seeds, own)
        last, shares = first, [0.0]
        found = [first.new_ones(len(self.similarities), len(inputs))]
        for share, model in self.randomisation.models(self.model, inputs[:1]):
            last = self._maps(explainer.on(model), inputs, target, seeds)
            shares.append(share)
            found.append(torch.stack([SIMILARITIES[n](first, last) for n in self.similarities]))
        return self._scores(
            torch.tensor(shares).to(first), torch.stack(found, -1), entropy_rise(first, last)
        )

    def _scores(self, shares: Tensor, found: Tensor, rise: Tensor) -> Scores:
        """Scores of similarities (names, N, stages + 1)."""
        rows = list(zip(self.similarities, found, strict=True))
        return Scores(
            {
                **{name: curve[:, 1:].mean(1) for name, curve in rows},
                **{f"last_{name}": curve[:, -1] for name, curve in rows},
                "entropy_rise": rise,
            },
            {name: Curve(shares, curve) for name, curve in rows},
        )

    def _maps(
        self,
        explainer: BoundExplainer,
        inputs: Tensor,
        target: Tensor,
        seeds: Sequence[int],
        attributions: Tensor | None = None,
    ) -> Tensor:
        """Maps (N, H, W), those of noisy copies averaged."""
        if self.copies == 0:
            maps = maps_of(explainer, inputs, target, seeds, attributions)
            return CHANNELS[self.channels](maps)
        means = [
            self._smooth(explainer, inputs[index], target[index], seed)
            for index, seed in enumerate(seeds)
        ]
        return CHANNELS[self.channels](torch.stack(means))

    def _smooth(
        self, explainer: BoundExplainer, image: Tensor, target: Tensor, seed: int
    ) -> Tensor:
        """The mean map (C, H, W) over noisy copies of an image."""
        deviation = self.noise * (image.amax() - image.amin())
        noise = torch.stack([_noise(image, seed, copy) for copy in range(self.copies)])
        versions = image + deviation * noise
        targets = target.expand(self.copies)
        return versions_explained(explainer, versions, targets, [seed] * self.copies).mean(0)


def entropy_rise(first: Tensor, last: Tensor) -> Tensor:
    """The entropy of the histograms of ``last`` over that of ``first``, minus 1."""
    before, after = histogram_entropy(first, BINS), histogram_entropy(last, BINS)
    return torch.where(before > 0, after / before - 1, torch.nan)


def _noise(image: Tensor, seed: int, copy: int) -> Tensor:
    generator = generator_of("randomisation", seed, copy)
    return torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)
