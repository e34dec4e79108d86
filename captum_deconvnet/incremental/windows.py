"""Where the occluder goes: pure geometry, with Captum's rules for strides and edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import ceil, prod
from typing import NamedTuple


class Window(NamedTuple):
    """One place of the occluder: the input it covers, and from where to where, batch left out."""

    input: int
    starts: tuple[int, ...]
    stops: tuple[int, ...]


@dataclass(frozen=True)
class Grid:
    """All places of the occluder on one input.

    It starts in the corner at zero and moves by its stride until the input is covered; the last
    one along a dimension may be cut off by the edge.

    Args:
        input: the number of the input.
        shape: the input's shape without the batch.
        size: the occluder's, likewise.
        strides: how far it moves, likewise.
    """

    input: int
    shape: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many places there are along each dimension."""
        axes = zip(self.shape, self.size, self.strides, strict=True)
        return tuple(ceil((length - size) / stride) + 1 for length, size, stride in axes)

    def __len__(self) -> int:
        """How many places there are."""
        return prod(self.counts)

    def at(self, place: Sequence[int]) -> Window:
        """The window at a place of the grid."""
        starts = tuple(number * stride for number, stride in zip(place, self.strides, strict=True))
        ends = (start + size for start, size in zip(starts, self.size, strict=True))
        stops = tuple(min(end, length) for end, length in zip(ends, self.shape, strict=True))
        return Window(self.input, starts, stops)

    def sample(self) -> list[Window]:
        """A window in the middle and the one in the corner."""
        return [self.at([count // 2 for count in self.counts]), self.at([0] * len(self.counts))]

    def number(self, window: Window) -> int:
        """The number of a window, as :meth:`windows` counts them."""
        found = 0
        for start, stride, count in zip(window.starts, self.strides, self.counts, strict=True):
            found = found * count + start // stride
        return found

    def covers(self) -> list[list[list[float]]]:
        """For each dimension and each place along it, 1 for what it covers and 0 for the rest."""
        axes = zip(self.counts, self.strides, self.size, self.shape, strict=True)
        return [
            [
                [float(n * stride <= at < n * stride + size) for at in range(length)]
                for n in range(count)
            ]
            for count, stride, size, length in axes
        ]

    def windows(self) -> Iterator[Window]:
        """All windows, the last dimension first."""
        return (self.at(place) for place in product(*map(range, self.counts)))

    def tiles(self, most: int) -> Iterator[list[Window]]:
        """All windows once, in groups of at most ``most`` that lie close together."""
        sides = zip(self.counts, tile_sides(self.counts, most), strict=True)
        axes = [_even_parts(count, ceil(count / side)) for count, side in sides]
        for tile in product(*axes):
            yield [self.at(place) for place in product(*tile)]


def _even_parts(count: int, parts: int) -> list[range]:
    """``count`` places in runs that differ in length by one at most."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [range(*pair) for pair in pairwise(ends)]


def tile_sides(counts: Sequence[int], most: int) -> list[int]:
    """The sides of a tile of at most ``most`` places, as square as can be, even sizes preferred."""
    sides = [1] * len(counts)
    while True:
        can_grow = [
            dim
            for dim, side in enumerate(sides)
            if side < counts[dim] and prod(sides) // side * (side + 1) <= most
        ]
        if not can_grow:
            return [ceil(c / ceil(c / s)) for c, s in zip(counts, sides, strict=True)]
        sides[min(can_grow, key=lambda dim: (sides[dim], -dim))] += 1


def sliding(
    shapes: Sequence[Sequence[int]],
    sizes: Sequence[Sequence[int]],
    strides: Sequence[int | Sequence[int]],
) -> list[Grid]:
    """The grid of each input; ``shapes`` without the batch, a single stride for all dimensions."""
    return [
        Grid(number, tuple(shape), tuple(size), _each(stride, len(shape)))
        for number, (shape, size, stride) in enumerate(zip(shapes, sizes, strides, strict=True))
    ]


def _each(stride: int | Sequence[int], count: int) -> tuple[int, ...]:
    return (stride,) * count if isinstance(stride, int) else tuple(stride)
