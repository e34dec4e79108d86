"""Pixels from the strongest to the weakest of a map."""

from __future__ import annotations

import torch
from torch import Tensor


class PixelOrder:
    """The order of the pixels of maps, equal ones row by row.

    Args:
        maps: (N, H, W).

    Attributes:
        rank: (N, H, W), 0 for the strongest pixel.
        tied: (N,) the share of pixels that have the value of another one.
    """

    def __init__(self, maps: Tensor) -> None:
        """Order the pixels of ``maps``."""
        flat = maps.flatten(1)
        ordered, order = flat.sort(dim=1, descending=True, stable=True)
        places = torch.arange(flat.shape[1], device=flat.device).expand_as(order)
        self.rank = torch.empty_like(order).scatter_(1, order, places).view_as(maps)
        self.tied = _tied(ordered)

    @property
    def pixels(self) -> int:
        """How many pixels a map has."""
        return self.rank.shape[1] * self.rank.shape[2]

    def counts(self, steps: int) -> Tensor:
        """How many pixels have been taken after 0 to ``steps`` steps of even size."""
        return torch.arange(steps + 1) * self.pixels // steps

    def strongest(self, image: Tensor, count: Tensor) -> Tensor:
        """Where the ``count`` (P,) strongest pixels of images (P,) are: (P, 1, H, W)."""
        rank = self.rank[image.to(self.rank.device)]
        return (rank < count.to(rank.device).view(-1, 1, 1))[:, None]


def _tied(ordered: Tensor) -> Tensor:
    equal = ordered[:, 1:] == ordered[:, :-1]
    tied = torch.zeros_like(ordered, dtype=torch.bool)
    tied[:, 1:] |= equal
    tied[:, :-1] |= equal
    return tied.double().mean(1)
