"""Batches of pictures: in which order, how cropped, and what they are like on average.

Seed and epoch alone decide the order and the crops, so that a run that stopped goes on unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from captum_deconvnet_zfnet.data.pictures import Pictures

Batch = tuple[Tensor, Tensor]


def generator_for(seed: int, *place: int) -> torch.Generator:
    """A generator for one place of a run, such as an epoch and a step: never the same twice."""
    for number in place:
        seed = seed * 1_000_003 + number + 1
    return torch.Generator().manual_seed(seed % 2**63)


def shuffled(count: int, seed: int, epoch: int, batch: int) -> list[list[int]]:
    """The numbers below ``count`` in random order, cut into whole batches; the rest waits.

    A set smaller than a batch is one batch.
    """
    order = torch.randperm(count, generator=generator_for(seed, epoch)).tolist()
    batch = min(batch, count)
    return [order[start : start + batch] for start in range(0, count - batch + 1, batch)]


def in_order(count: int, batch: int) -> list[list[int]]:
    """The numbers below ``count``, cut into batches; the last may be smaller."""
    return [list(range(start, min(start + batch, count))) for start in range(0, count, batch)]


def read(pictures: Pictures, order: Sequence[list[int]], workers: int = 0) -> Iterator[Batch]:
    """Pictures (n, C, S, S) of unsigned 8-bit colours and labels (n,), a batch for each row.

    Args:
        pictures: where they come from.
        order: the numbers of each batch's pictures.
        workers: processes that read ahead; 0 reads in this one.
    """
    dataset: Any = pictures
    # A generator of its own: a loader without one draws a number from torch's global stream.
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_sampler=order, num_workers=workers, generator=torch.Generator()
    )
    yield from loader


ASPECT = 4 / 3
"""A random part of a picture is at most this much wider than high, or higher than wide."""


def central_crop(pictures: Tensor, size: int) -> Tensor:
    """The middle (N, C, size, size) of pictures (N, C, S, S), as colours in [0, 1]."""
    start = (pictures.shape[-1] - size) // 2
    return pictures[..., start : start + size, start : start + size].float() / 255


def random_crops(
    pictures: Tensor, size: int, generator: torch.Generator, smallest_area: float | None = None
) -> Tensor:
    """A random crop of each picture, mirrored every other time.

    Args:
        pictures: (N, C, S, S), unsigned 8-bit, with S at least ``size``.
        size: side of the crops, in pixels.
        generator: where chance comes from.
        smallest_area: ``None`` cuts squares of ``size`` at whole pixels, as the paper does; a
            share in (0, 1] cuts rectangles of at least that share of the picture, stretched to
            ``size`` (Szegedy et al. 2015).

    Returns:
        Crops (N, C, size, size) of colours in [0, 1].
    """
    count, channels, side = len(pictures), pictures.shape[1], pictures.shape[-1]
    if smallest_area is None:
        extent = torch.full((count, 2), size / side)
        offset = torch.randint(side - size + 1, (count, 2), generator=generator) / side
    else:
        extent = extents(count, smallest_area, generator)
        offset = torch.rand(count, 2, generator=generator) * (1 - extent)
    mirrored = torch.randint(2, (count,), generator=generator) * 2.0 - 1
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = extent[:, 0] * mirrored, extent[:, 1]
    theta[:, :, 2] = 2 * offset + extent - 1
    grid = F.affine_grid(theta, [count, channels, size, size], align_corners=False)
    crops = F.grid_sample(pictures.float() / 255, grid, padding_mode="border", align_corners=False)
    return crops.clamp(0, 1)


def extents(count: int, smallest_area: float, generator: torch.Generator) -> Tensor:
    """Widths and heights (N, 2) of random parts, as shares of the picture's side."""
    area = smallest_area + (1 - smallest_area) * torch.rand(count, generator=generator)
    aspect = ASPECT ** (torch.rand(count, generator=generator) - 0.5)
    return (area.sqrt()[:, None] * torch.stack([aspect, 1 / aspect], dim=1)).clamp(max=1)


ENOUGH = 10_000
"""Pictures after which a mean image no longer changes to the eye."""

BATCH = 256


def moments(pictures: Pictures, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Mean (C, size, size) and deviation (C, size, size) of central crops, in colours of [0, 1].

    Args:
        pictures: all of them are used, or 10,000 drawn by the seed if there are more.
        size: side of the crops, in pixels.
        seed: draws the sample.
    """
    drawn = torch.randperm(len(pictures), generator=generator_for(seed))[:ENOUGH].tolist()
    order = [[drawn[i] for i in batch] for batch in in_order(len(drawn), BATCH)]
    total: Tensor | float = 0.0
    squares: Tensor | float = 0.0
    for batch, _ in read(pictures, order, 0):
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
