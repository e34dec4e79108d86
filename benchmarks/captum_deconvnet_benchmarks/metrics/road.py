"""M6, ROAD: deletion whose holes are filled so that they hardly show."""

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
)
from captum_deconvnet_benchmarks.metrics.imputer import imputed
from captum_deconvnet_benchmarks.metrics.passes import check_output, target_outputs
from captum_deconvnet_benchmarks.metrics.pixel_order import PixelOrder
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Curve, Scores
from captum_deconvnet_benchmarks.protocol.randomness import generator_of

STRONGEST, WEAKEST = "most_relevant_first", "least_relevant_first"


class RoadBenchmark:
    """Remove and debias (Rong et al. 2022).

    A share of the pixels is replaced by the weighted means of their neighbours and a little noise:
    the most relevant ones, and the least relevant ones. The score is half the difference of the
    mean outputs that remain, least minus most relevant.

    Args:
        model: the model.
        shares: of the pixels that are replaced, each between 0 and 1.
        noise: its deviation, in units of the input.
        output: ``"probability"`` or ``"logit"`` of the target.
        channels: how maps lose their channels.

    Raises:
        UnknownNameError: for an unknown output or reduction.
        ModelError: for shares that are none.
    """

    def __init__(
        self,
        model: Model,
        *,
        shares: Iterable[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
        noise: float = 0.01,
        output: str = "probability",
        channels: str = "signed",
    ) -> None:
        """Remove pixels from images of ``model``."""
        self.shares = tuple(shares)
        if not self.shares or not all(0 < share < 1 for share in self.shares):
            raise ModelError(f"The shares are {self.shares}; give numbers between 0 and 1.")
        self.model, self.noise = net_of(model), noise
        self.output, self.channels = check_output(output), check_channels(channels)

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
        """``road``, half of least minus most relevant; the means and curves of both; ``tied``."""
        seeds = seeds_or_numbers(seeds, len(inputs))
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        order = PixelOrder(maps)

        def make(images: Tensor, versions: Tensor) -> Tensor:
            pairs = zip(images.tolist(), versions.tolist(), strict=True)
            return torch.stack(
                [self._version(inputs[n], order.rank[n], v, seeds[n]) for n, v in pairs]
            )

        found = target_outputs(self.model, target, 2 * len(self.shares), make, self.output)
        most, least = found[:, : len(self.shares)], found[:, len(self.shares) :]
        x = torch.tensor(self.shares).to(found)
        return Scores(
            {
                "road": (least.mean(1) - most.mean(1)) / 2,
                STRONGEST: most.mean(1),
                WEAKEST: least.mean(1),
                "tied": order.tied,
            },
            {STRONGEST: Curve(x, most), WEAKEST: Curve(x, least)},
        )

    def _version(self, image: Tensor, rank: Tensor, version: int, seed: int) -> Tensor:
        """An image (C, H, W) without its most relevant pixels, or without its least relevant."""
        weakest, number = divmod(version, len(self.shares))
        count = round(self.shares[number] * rank.numel())
        missing = rank >= rank.numel() - count if weakest else rank < count
        filled = imputed(image, missing)
        generator = generator_of("road", seed, version)
        noise = torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)
        return filled + self.noise * noise * missing
