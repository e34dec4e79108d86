"""How sure a mean over few images is."""

from __future__ import annotations

import torch
from torch import Tensor

RESAMPLES = 2000


def confidence_band(
    samples: Tensor, level: float = 0.95, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """A percentile bootstrap of the mean over images (Efron 1979).

    Args:
        samples: (N, V), an image a row.
        level: how much of the resampled means lies inside, such as 0.95.
        resamples: how many sets of N images are drawn, with replacement; the same for all V.
        seed: of the draws.

    Returns:
        The lower and the upper end, (V,) each; NaN for fewer than two images, which say nothing
        of their spread.
    """
    count, values = samples.shape
    if count < 2:
        return torch.full((values,), torch.nan), torch.full((values,), torch.nan)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(count, (resamples, count), generator=generator)
    means = samples.double()[drawn].mean(1)
    tail = (1 - level) / 2
    return means.quantile(tail, 0), means.quantile(1 - tail, 0)
