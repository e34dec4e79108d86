"""Controls: maps that know nothing of the model, and stand in every table to be beaten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_deconvnet_benchmarks.explainers.ours import OURS
from captum_deconvnet_benchmarks.protocol.explainer import Explainer, Subject
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
MINUS = "control/minus-"


def uniform(subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
    """Uniform noise in [0, 1)."""
    shape = (1, *inputs.shape[2:])
    drawn = [torch.rand(shape, generator=generator_of("control/random", seed)) for seed in seeds]
    return torch.stack(drawn).to(inputs)


def constant(subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
    """One everywhere."""
    return torch.ones_like(inputs[:, :1])


def centre_gaussian(
    subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int], *, share: float
) -> Tensor:
    """A bell over the centre; its standard deviation is a share of the shorter side."""
    height, width = inputs.shape[2:]
    rows, columns = (_offsets(length).to(inputs) for length in (height, width))
    deviation = share * min(height, width)
    bell = torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * deviation**2))
    return bell.expand(len(inputs), 1, -1, -1).clone()


def sobel(subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
    """How steep the image is, its channels averaged (Sobel & Feldman 1968)."""
    grey = F.pad(inputs.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = torch.tensor(SOBEL).to(inputs)
    filters = torch.stack([across, across.T]).unsqueeze(1)
    return F.conv2d(grey, filters).square().sum(1, keepdim=True).sqrt()


def image(subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
    """The input itself."""
    return inputs.clone()


def minus(explainer: Explainer) -> Explainer:
    """The control whose maps are the explainer's with the sign changed."""

    def attribute(
        subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int], **parameters: Any
    ) -> Tensor:
        return -explainer.attribute(subject, inputs, target, seeds, **parameters)

    name = MINUS + explainer.name
    return replace(explainer, name=name, attribute=attribute, control=True)


def _offsets(length: int) -> Tensor:
    """How far each place is from the middle."""
    return torch.arange(length) - (length - 1) / 2


CONTROLS = (
    Explainer("control/random", uniform, control=True, stochastic=True),
    Explainer("control/constant", constant, control=True),
    Explainer("control/centre-gaussian", centre_gaussian, control=True, parameters={"share": 0.25}),
    Explainer("control/sobel", sobel, control=True),
    Explainer("control/image", image, control=True),
    minus(OURS[0]),
)
