"""The first step of every net here: colours become what the filters expect."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Subtracts a mean image and divides by a deviation; both are saved with the weights.

    The paper subtracts the mean image from colours of 0 to 255: that is ``deviation`` 1/255 here,
    where colours are in [0, 1].

    Args:
        channels: of the pictures.
        size: their side, in pixels.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, size: int) -> None:
        """Start with mean 0 and deviation 1."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, size, size))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Standardise pictures (N, C, size, size) of colours in [0, 1]; the shape stays."""
        return (pictures - self.mean) / self.deviation
