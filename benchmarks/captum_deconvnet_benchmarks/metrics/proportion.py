"""Lengths that the literature gives in pixels of images of 224, on smaller images."""

from __future__ import annotations

from collections.abc import Sequence

PAPER_SIZE = 224


def proportion(shape: Sequence[int]) -> float:
    """The shorter side of images (..., H, W) as a part of 224 pixels, at most 1."""
    return min(1.0, min(shape[-2:]) / PAPER_SIZE)


def in_pixels(length: int, shape: Sequence[int]) -> int:
    """A length in pixels of an image of 224, in those of images (..., H, W); at least 1.

    Example:
        >>> in_pixels(32, (3, 224, 224)), in_pixels(32, (1, 28, 28)), in_pixels(32, (3, 512, 512))
        (32, 4, 32)
    """
    return max(1, round(length * proportion(shape)))
