"""Infidelity (Yeh et al. 2019): does a map foretell what a disturbance does to the output?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError, unknown_name
from captum_deconvnet_benchmarks.metrics.explanations import (
    Model,
    maps_of,
    net_of,
    seeds_or_numbers,
)
from captum_deconvnet_benchmarks.metrics.passes import check_output, in_pixels, target_outputs
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of

SQUARE = 56
"""Side of the square that ``"square"`` takes away, in pixels of images of 224."""


def gaussian(image: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Noise of that deviation."""
    noise = torch.randn(image.shape, generator=generator, dtype=torch.float64)
    return deviation * noise.to(image)


def square(image: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """All there is in a square at a random place, which becomes zero when this is taken away."""
    side = in_pixels(SQUARE, image.shape)
    top, left = (
        int(torch.randint(length - side + 1, (), generator=generator)) for length in image.shape[1:]
    )
    inside = torch.zeros_like(image)
    inside[:, top : top + side, left : left + side] = 1
    return image * inside


PERTURBATIONS: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "gaussian": gaussian,
    "square": square,
}
"""What is taken from an image (C, H, W): ``(image, deviation, generator) -> I``."""


class InfidelityBenchmark:
    r"""The squared error of foretelling a change of output (Yeh et al. 2019).

    The mean over samples of :math:`(I \cdot A - (f(x) - f(x - I)))^2`. It depends on the scale of
    the map; ``normalised`` multiplies :math:`I \cdot A` by the factor that suits it best, and is
    divided by the mean of :math:`(f(x) - f(x - I))^2`: 0 is perfect, 1 no better than a map of
    zeros. A map of one channel counts for every channel.

    Args:
        model: the model.
        perturbation: ``"gaussian"`` noise, or a ``"square"`` of a quarter of the side set to 0.
        deviation: of the noise, in units of the input.
        samples: how many.
        output: ``"logit"`` or ``"probability"`` of the target.

    Raises:
        UnknownNameError: for an unknown perturbation or output.
        ModelError: for fewer than two samples, of which any factor would suit one.
    """

    def __init__(
        self,
        model: Model,
        *,
        perturbation: str = "gaussian",
        deviation: float = 0.1,
        samples: int = 32,
        output: str = "logit",
    ) -> None:
        """Disturb images of ``model``."""
        if perturbation not in PERTURBATIONS:
            raise unknown_name("perturbation", perturbation, PERTURBATIONS)
        if samples < 2:
            raise ModelError(f"{samples} samples were asked for; give 2 or more.")
        self.model, self.output = net_of(model), check_output(output)
        self.perturbation, self.deviation, self.samples = perturbation, deviation, samples

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
        """``normalised`` in [0, 1], and ``infidelity`` as Yeh et al. have it."""
        seeds = seeds_or_numbers(seeds, len(inputs))
        maps = maps_of(explainer, inputs, target, seeds, attributions).expand(inputs.shape)
        taken = [
            torch.stack([self.taken(inputs[index], seed, s) for s in range(self.samples)])
            for index, seed in enumerate(seeds)
        ]
        fall = self._falls(inputs, target, taken)
        foretold = torch.stack(
            [(one.double() * maps[index]).flatten(1).sum(1) for index, one in enumerate(taken)]
        )
        return Scores(
            {
                "normalised": unexplained(foretold, fall),
                "infidelity": (foretold - fall).square().mean(1),
            }
        )

    def taken(self, image: Tensor, seed: int, sample: int) -> Tensor:
        """What one sample takes from an image (C, H, W)."""
        generator = generator_of("infidelity", seed, sample)
        return PERTURBATIONS[self.perturbation](image, self.deviation, generator)

    def _falls(self, inputs: Tensor, target: Tensor, taken: list[Tensor]) -> Tensor:
        """f(x) - f(x - I), (N, samples); version 0 is the image itself."""

        def make(images: Tensor, versions: Tensor) -> Tensor:
            pairs = zip(images.tolist(), versions.tolist(), strict=True)
            return torch.stack(
                [inputs[n] if v == 0 else inputs[n] - taken[n][v - 1] for n, v in pairs]
            )

        found = target_outputs(self.model, target, self.samples + 1, make, self.output)
        return found[:, :1] - found[:, 1:]


def unexplained(foretold: Tensor, fall: Tensor) -> Tensor:
    """The share of the falls' squares (N, S) that no multiple of what was foretold explains.

    A map that foretells nothing explains nothing: 1. NaN if the output never changed.
    """
    size = foretold.abs().amax(1, keepdim=True)
    unit = foretold / torch.where(size > 0, size, torch.ones_like(size))
    square = unit.square().sum(1, keepdim=True)
    factor = (unit * fall).sum(1, keepdim=True) / torch.where(square > 0, square, 1.0)
    return (factor * unit - fall).square().mean(1) / fall.square().mean(1)
