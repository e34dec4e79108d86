"""How alike two maps are: correlations, structural similarity, histograms of gradients.

Rows of numbers are compared by Pearson's and Spearman's correlation and by their cosine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.errors import unknown_name


def average_ranks(values: Tensor) -> Tensor:
    """Ranks from 1 along the last dimension; equal values share the mean of theirs.

    Args:
        values: (..., D), finite.

    Returns:
        (..., D), float64.

    Example:
        >>> average_ranks(torch.tensor([3.0, 1.0, 3.0, 2.0])).tolist()
        [3.5, 1.0, 3.5, 2.0]
    """
    from scipy.stats import rankdata  # slow to import

    return torch.from_numpy(rankdata(values.detach().cpu().numpy(), axis=-1)).to(values.device)


def pearson(left: Tensor, right: Tensor) -> Tensor:
    """The correlation of rows (..., D) with rows of the same shape; NaN for a constant row."""
    defined = ~(_constant(left) | _constant(right))
    found = cosine(_centred(left), _centred(right))
    return torch.where(defined, found, torch.nan)


def spearman(left: Tensor, right: Tensor) -> Tensor:
    """The correlation of the ranks of rows (..., D); NaN for a constant row."""
    return pearson(average_ranks(left), average_ranks(right))


def absolute_spearman(left: Tensor, right: Tensor) -> Tensor:
    """The correlation of the ranks of absolute values."""
    return spearman(left.abs(), right.abs())


def cosine(left: Tensor, right: Tensor) -> Tensor:
    """The cosine of the angle between rows (..., D); NaN if one is zero."""
    left, right = _unit(left), _unit(right)
    return (left * right).sum(-1).clamp(-1, 1)


def _unit(rows: Tensor) -> Tensor:
    """Rows of length 1, without overflow on the way; NaN for a row of zeros."""
    rows = rows.double()
    rows = rows / rows.abs().amax(-1, keepdim=True)
    length: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return rows / length


def _centred(rows: Tensor) -> Tensor:
    return rows.double() - rows.double().mean(-1, keepdim=True)


def _constant(rows: Tensor) -> Tensor:
    return rows.amax(-1) == rows.amin(-1)


SIDE = 7
CONSTANTS = (0.01, 0.03)

CELL, BLOCK, ORIENTATIONS = 8, 3, 9
CLIP, EPSILON = 0.2, 1e-5


def ssim(left: Tensor, right: Tensor, data_range: float = 2.0) -> Tensor:
    """Mean structural similarity (Wang et al. 2004), as scikit-image has it.

    Args:
        left: maps (N, H, W).
        right: maps of the same shape.
        data_range: from the least to the greatest value that is possible.

    Returns:
        (N,), float64. The window is 7 by 7 pixels, smaller on maps that are.
    """
    side = min(SIDE, *left.shape[-2:])
    left, right = left.double()[:, None], right.double()[:, None]
    means = _local(left, side), _local(right, side)
    sample = side**2 / (side**2 - 1)
    variances = [
        sample * (_local(one * other, side) - mean * other_mean)
        for one, other, mean, other_mean in (
            (left, left, means[0], means[0]),
            (right, right, means[1], means[1]),
            (left, right, means[0], means[1]),
        )
    ]
    first, second = ((constant * data_range) ** 2 for constant in CONSTANTS)
    above = (2 * means[0] * means[1] + first) * (2 * variances[2] + second)
    below = (means[0] ** 2 + means[1] ** 2 + first) * (variances[0] + variances[1] + second)
    found: Tensor = (above / below).flatten(1).mean(1)
    return found


def _local(maps: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(maps, side, stride=1)


def oriented_gradients(maps: Tensor, cell: int | None = None) -> Tensor:
    """Histograms of oriented gradients (Dalal & Triggs 2005), as scikit-image has them.

    Args:
        maps: (N, H, W), of 3 pixels or more a side.
        cell: side of a cell in pixels; 8 by default, less on maps without room for a block of
            3 by 3 such cells.

    Returns:
        (N, D), float64: blocks of 3 by 3 cells of 9 orientations, normalised by L2-Hys.
    """
    cell = cell or max(1, min(CELL, min(maps.shape[-2:]) // BLOCK))
    cells = F.avg_pool2d(_by_orientation(maps.double()), cell)
    blocks = cells.unfold(2, BLOCK, 1).unfold(3, BLOCK, 1)  # (N, orientations, y, x, 3, 3)
    rows = blocks.permute(0, 2, 3, 4, 5, 1).flatten(3)
    clipped = _normalised(rows).clamp(max=CLIP)
    return _normalised(clipped).flatten(1)


def _by_orientation(maps: Tensor) -> Tensor:
    """The length of the gradient in the channel of its direction, (N, orientations, H, W)."""
    down, right = torch.zeros_like(maps), torch.zeros_like(maps)
    down[:, 1:-1] = maps[:, 2:] - maps[:, :-2]
    right[:, :, 1:-1] = maps[:, :, 2:] - maps[:, :, :-2]
    angle = torch.rad2deg(torch.atan2(down, right)) % 180
    number = (angle / (180 / ORIENTATIONS)).floor().long() % ORIENTATIONS
    length = torch.hypot(down, right)
    empty = maps.new_zeros(maps.shape[0], ORIENTATIONS, *maps.shape[1:])
    return empty.scatter_(1, number[:, None], length[:, None])


def _normalised(rows: Tensor) -> Tensor:
    found: Tensor = rows / torch.sqrt(rows.square().sum(-1, keepdim=True) + EPSILON**2)
    return found


def histogram_entropy(maps: Tensor, bins: int = 100) -> Tensor:
    """The entropy in nats of the histogram of each map's values (Hedstrom et al. 2023).

    Args:
        maps: (N, H, W).
        bins: how many, of even width, from each map's least to its greatest value.

    Returns:
        (N,), float64; 0 for a constant map.
    """
    flat = maps.double().flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    width = torch.where(high > low, high - low, torch.ones_like(low))
    number = ((flat - low) / width * bins).long().clamp(max=bins - 1)
    counts = flat.new_zeros(len(flat), bins).scatter_add_(1, number, torch.ones_like(flat))
    share = counts / flat.shape[1]
    found: Tensor = torch.special.entr(share).sum(1)
    return found.clamp(0, math.log(bins))


Similarity = Callable[[Tensor, Tensor], Tensor]
"""``(maps (N, H, W), maps (N, H, W)) -> (N,)``, 1 for equal maps."""


def scaled(maps: Tensor) -> Tensor:
    """Maps divided by their largest absolute value, so that they lie in [-1, 1]."""
    largest = maps.abs().amax((1, 2), keepdim=True)
    return maps / torch.where(largest > 0, largest, torch.ones_like(largest))


def _of_rows(measure: Similarity) -> Similarity:
    return lambda left, right: measure(left.flatten(1), right.flatten(1))


def _hog(left: Tensor, right: Tensor) -> Tensor:
    return pearson(oriented_gradients(scaled(left)), oriented_gradients(scaled(right)))


SIMILARITIES: dict[str, Similarity] = {
    "spearman": _of_rows(spearman),
    "absolute_spearman": _of_rows(absolute_spearman),
    "pearson": _of_rows(pearson),
    "cosine": _of_rows(cosine),
    "ssim": lambda left, right: ssim(scaled(left), scaled(right)),
    "hog": _hog,
}
"""``hog`` is Pearson's correlation of histograms of oriented gradients (Adebayo et al. 2018)."""


def check_similarities(names: Iterable[str]) -> tuple[str, ...]:
    """The names of similarities, if they all are.

    Raises:
        UnknownNameError: if one is not.
    """
    found = tuple(names)
    for name in found:
        if name not in SIMILARITIES:
            raise unknown_name("similarity", name, SIMILARITIES)
    return found
