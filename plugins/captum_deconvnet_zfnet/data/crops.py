"""Crops of a batch: the random ones that a net learns from, the central one it is judged by."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

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
