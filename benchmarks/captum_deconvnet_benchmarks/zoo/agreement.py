"""How far two projections are apart."""

from __future__ import annotations

import math

from torch import Tensor

SMALLEST = 1e-30
"""Largest values below this are near where float32 loses its digits (1.2e-38)."""


def relative_error(found: Tensor, right: Tensor) -> float:
    """The largest difference over the largest right value; infinite if either is not finite."""
    scale = float(right.abs().max())
    apart = float((found.double() - right.double()).abs().max())
    if scale == 0:
        return 0.0 if apart == 0 else math.inf
    ratio = apart / scale
    return ratio if math.isfinite(ratio) else math.inf


def is_in_range(projection: Tensor) -> bool:
    """Whether a projection is finite and far from underflow."""
    largest = float(projection.abs().max())
    return math.isfinite(largest) and largest > SMALLEST
