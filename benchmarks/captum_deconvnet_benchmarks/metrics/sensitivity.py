"""Max-sensitivity (Yeh et al. 2019): how far a map moves when the image hardly does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError, unknown_name
from captum_deconvnet_benchmarks.metrics.explanations import (
    Model,
    net_of,
    seeds_or_numbers,
    versions_explained,
)
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of, seed_of

DRAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": lambda uniform: 2 * uniform - 1,
    "corners": lambda uniform: torch.where(uniform < 0.5, -1.0, 1.0).to(uniform),
}
"""From uniform draws in [0, 1) to a place in the cube of side 2, or to one of its corners."""


class MaxSensitivityBenchmark:
    """How far maps move, relative to their length, within a small cube (Yeh et al. 2019).

    Max over the samples of |A(x + d) - A(x)| / |A(x)|, where no entry of d is above ``radius``. A
    stochastic explainer draws anew for every sample: its own noise is part of the score.

    Args:
        model: the model.
        radius: in units of the input; Captum's default is 0.02, Quantus' 0.2.
        samples: how many.
        draw: ``"uniform"`` in the cube, or ``"corners"`` of it.

    Raises:
        UnknownNameError: for an unknown draw.
        ModelError: for fewer than one sample.
    """

    def __init__(
        self, model: Model, *, radius: float = 0.02, samples: int = 10, draw: str = "uniform"
    ) -> None:
        """Disturb images of ``model``."""
        if draw not in DRAWS:
            raise unknown_name("draw", draw, DRAWS)
        if samples < 1:
            raise ModelError(f"{samples} samples were asked for; give 1 or more.")
        self.model, self.radius = net_of(model), radius
        self.samples, self.draw = samples, draw

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
        """``max_sensitivity`` and ``mean_sensitivity``; NaN for a map of zeros.

        The undisturbed map is made again, together with the disturbed ones.
        """
        seeds = seeds_or_numbers(seeds, len(inputs))
        moved = torch.stack(
            [
                self._moved(explainer, inputs[index], target[index], seed)
                for index, seed in enumerate(seeds)
            ]
        )
        return Scores({"max_sensitivity": moved.amax(1), "mean_sensitivity": moved.mean(1)})

    def _moved(self, explainer: BoundExplainer, image: Tensor, target: Tensor, seed: int) -> Tensor:
        """How far the map of one image moved, for each sample, (samples,)."""
        versions = torch.stack([image, *(self.disturbed(image, seed, s) for s in self._numbers)])
        own = [seed, *(seed_of("max sensitivity, explainer", seed, s) for s in self._numbers)]
        maps = versions_explained(explainer, versions, target.expand(len(versions)), own).flatten(1)
        length = torch.sqrt(maps[0].square().sum())
        moved: Tensor = torch.sqrt((maps[1:] - maps[0]).square().sum(1))
        return moved / length

    def disturbed(self, image: Tensor, seed: int, sample: int) -> Tensor:
        """One version (C, H, W) of an image."""
        generator = generator_of("max sensitivity", seed, sample)
        uniform = torch.rand(image.shape, generator=generator, dtype=torch.float64)
        return image + self.radius * DRAWS[self.draw](uniform).to(image)

    @property
    def _numbers(self) -> range:
        return range(self.samples)
