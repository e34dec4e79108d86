"""Mean image, and mean and deviation of colours, of what a net learns from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from captum_deconvnet_zfnet.data.batches import generator_for, in_order, read
from captum_deconvnet_zfnet.data.crops import central_crop
from captum_deconvnet_zfnet.data.pictures import Pictures

ENOUGH = 10_000
"""Pictures after which a mean image no longer changes to the eye."""

BATCH = 256


def moments(pictures: Pictures, size: int, seed: int, workers: int = 0) -> tuple[Tensor, Tensor]:
    """Mean (C, size, size) and deviation (C, size, size) of central crops, in colours of [0, 1].

    Args:
        pictures: all of them are used, or 10,000 drawn by the seed if there are more.
        size: side of the crops, in pixels.
        seed: draws the sample.
        workers: processes that read ahead.
    """
    drawn = torch.randperm(len(pictures), generator=generator_for(seed))[:ENOUGH].tolist()
    order = [[drawn[i] for i in batch] for batch in in_order(len(drawn), BATCH)]
    total: Tensor | float = 0.0
    squares: Tensor | float = 0.0
    for batch, _ in read(pictures, order, workers):
        crops = central_crop(batch, size).double()
        total, squares = total + crops.sum(0), squares + crops.square().sum(0)
    mean = torch.as_tensor(total) / len(drawn)
    variance = torch.as_tensor(squares) / len(drawn) - mean.square()
    return mean.float(), variance.clamp(min=0).sqrt().float()


def mean_image(mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's: the mean image is subtracted from colours of 0 to 255."""
    return mean, torch.full((len(mean), 1, 1), 1 / 255)


def mean_and_deviation(mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
    """The habit since: one mean and one deviation a channel, over all positions."""
    colour = mean.mean(dim=(1, 2), keepdim=True)
    variance = (deviation.square() + (mean - colour).square()).mean(dim=(1, 2), keepdim=True)
    return colour.expand_as(mean).clone(), variance.sqrt().clamp(min=1 / 255)


SCALES: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "mean image": mean_image,
    "mean and deviation": mean_and_deviation,
}
"""What ``Standardise`` holds, from the moments, by a recipe's name for it."""
