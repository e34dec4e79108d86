"""Correlations of rows: Pearson, Spearman with average ranks, cosine."""

from __future__ import annotations

import torch
from torch import Tensor


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
    ordered, order = values.sort(dim=-1)
    below = torch.searchsorted(ordered, ordered)
    up_to = torch.searchsorted(ordered, ordered, right=True)
    ranks = (below + up_to + 1).double() / 2
    return torch.empty_like(ranks).scatter_(-1, order, ranks)


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
