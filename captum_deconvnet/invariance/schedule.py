"""Which transformed images go through the model together.

How far one image's features moved at one layer, in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor


@dataclass(frozen=True)
class Segment:
    """Neighbouring rows of one batch that are versions of one image.

    Args:
        image: index of the image.
        points: which versions; 0 is the image itself, which always comes first.
        start: the first of the rows.
    """

    image: int
    points: tuple[int, ...]
    start: int

    @property
    def rows(self) -> slice:
        """Where the segment stands in its batch."""
        return slice(self.start, self.start + len(self.points))

    @property
    def has_original(self) -> bool:
        """Whether its first row is the image itself; else that was in the batch before."""
        return self.points[0] == 0

    @property
    def first_version(self) -> int:
        """The first of its rows that is not the image itself."""
        return int(self.has_original)


def schedule(images: int, points: int, batch_size: int) -> Iterator[list[Segment]]:
    """Batches of at most ``batch_size`` rows, image after image.

    Args:
        images: how many.
        points: versions of each, the image itself included.
        batch_size: rows of a batch.
    """
    everything = [(image, point) for image in range(images) for point in range(points)]
    for first in range(0, len(everything), batch_size):
        yield segments(everything[first : first + batch_size])


def segments(rows: list[tuple[int, int]]) -> list[Segment]:
    """Rows of (image, point), grouped by their image."""
    found: list[Segment] = []
    for image, group in groupby(rows, key=lambda row: row[0]):
        start = found[-1].rows.stop if found else 0
        found.append(Segment(image, tuple(point for _, point in group), start))
    return found


Undo = Callable[[Tensor, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class UnitSums:
    """Squares of single units, summed over the versions of an image; each (C, H, W), float64.

    Args:
        difference: |f(Tx) - f(x)|^2.
        energy: |f(Tx)|^2 + |f(x)|^2.
    """

    difference: Tensor
    energy: Tensor


@dataclass(frozen=True)
class Part:
    """The rows of one segment, measured; all float64.

    Args:
        segment: which image and which versions of it.
        original: |f_c(x)|^2 of every map c, (C,).
        difference: |f_c(Tx) - f_c(x)|^2, (rows, C).
        energy: |f_c(Tx)|^2, (rows, C).
        units: the sums of single units, if they were asked for.
        residual: |M(T'f(Tx) - f(x))|^2 where T' turns the features back and M are the positions
            that are known then; (rows,), or None.
        known: |M f(x)|^2, (rows,), or None.
    """

    segment: Segment
    original: Tensor
    difference: Tensor
    energy: Tensor
    units: UnitSums | None = None
    residual: Tensor | None = None
    known: Tensor | None = None


def measured(
    features: Tensor, original: Tensor, segment: Segment, *, units: bool, undo: Undo | None
) -> Part:
    """Compare the features of one image's versions, (rows, C, ...), with its own, (1, C, ...)."""
    change = features - original
    changed = slice(segment.first_version, None)
    residual, known = (None, None) if undo is None else undone(features, original, segment, undo)
    return Part(
        segment,
        squared_norms(original)[0],
        squared_norms(change),
        squared_norms(features),
        unit_sums(change[changed], features[changed], original) if units else None,
        residual,
        known,
    )


def squared_norms(features: Tensor) -> Tensor:
    """The squared norm of every map of features (N, C, ...): (N, C), float64.

    Within a map it is summed in the features' own type, between maps in float64.
    """
    if features.dim() == 2:
        return features.double().square()
    norms: Tensor = torch.linalg.vector_norm(features.flatten(2), dim=2)
    return norms.double().square()


def unit_sums(change: Tensor, features: Tensor, original: Tensor) -> UnitSums:
    """The sums over the rows, for every unit."""
    own = len(features) * original[0].double().square()
    return UnitSums(change.double().square().sum(0), features.double().square().sum(0) + own)


def undone(
    features: Tensor, original: Tensor, segment: Segment, undo: Undo
) -> tuple[Tensor, Tensor]:
    """What is left of the change after turning the maps back, and the original's part of it."""
    residuals, known = [], []
    for row, point in enumerate(segment.points):
        back, mask = undo(features[row : row + 1], point)
        residuals.append(squared_norms((back - original) * mask).sum())
        known.append(squared_norms(original * mask).sum())
    return torch.stack(residuals), torch.stack(known)
