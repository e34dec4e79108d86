"""Which transformed images go through the model together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby


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
