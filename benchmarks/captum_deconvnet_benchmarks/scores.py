"""Scores: what a metric says of the explanations of a batch, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Curve:
    """A curve for each image.

    Args:
        x: (S,) where it was measured, the same for all images.
        y: (N, S) its heights.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Scores:
    """What one metric measured on N images.

    Args:
        values: each score's name and its (N,) float64 values; the first is the metric's headline.
            NaN where it is not defined, such as a correlation with a constant.
        curves: curves behind the scores, by name.
    """

    values: Mapping[str, Tensor]
    curves: Mapping[str, Curve] = field(default_factory=dict)
