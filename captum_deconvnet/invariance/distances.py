"""Distances between the features of an image and of its transform, and the score of a map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.short_repr import short_repr


@dataclass(frozen=True)
class Norms:
    """Norms that all distances are made of, each (N, V), float64.

    Args:
        original: |f(x)|.
        moved: |f(Tx)|.
        difference: |f(Tx) - f(x)|.
    """

    original: Tensor
    moved: Tensor
    difference: Tensor

    __repr__ = short_repr


def euclidean(norms: Norms) -> Tensor:
    """|f(Tx) - f(x)|, the paper's distance."""
    return norms.difference


def normalised(norms: Norms) -> Tensor:
    """|f(Tx) - f(x)| / |f(x)|; 0 if both are zero, infinite if only f(x) is."""
    return relative(norms.difference, norms.original)


def cosine(norms: Norms) -> Tensor:
    """1 - cos(f(Tx), f(x)), from 0 to 2; 0 if both are zero, 1 if one is.

    Worked out from the difference, which loses no digits where the two are close.
    """
    length = (norms.moved - norms.original).square()
    angle = (norms.difference.square() - length).clamp(min=0)
    product = 2 * norms.moved * norms.original
    found = torch.where(product > 0, angle / product, (norms.difference > 0).double())
    return found.clamp(max=2)


def relative(distance: Tensor, length: Tensor) -> Tensor:
    """``distance / length``, and 0 / 0 is 0."""
    return torch.where(distance > 0, distance / length, torch.zeros_like(distance))


DISTANCES: dict[str, Callable[[Norms], Tensor]] = {
    "euclidean": euclidean,
    "normalised": normalised,
    "cosine": cosine,
}


def score(difference: Tensor, energy: Tensor) -> Tensor:
    """How invariant features are, in [0, 1].

    The score is 1 - sum |f(Tx) - f(x)|^2 / sum (|f(Tx)|^2 + |f(x)|^2), the sums over transforms
    T; that is 2 sum <f(Tx), f(x)> over the same. 1: nothing changes. 0: the features under T have
    nothing in common with those before (or are opposed to them, where they can be negative).

    Args:
        difference: the upper sum, of any shape.
        energy: the lower sum, of the same shape.

    Returns:
        The scores; NaN for features that are zero throughout.
    """
    return (1 - difference / energy).clamp(min=0)
