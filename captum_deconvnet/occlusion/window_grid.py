"""Where the occluder goes: pure geometry, with Captum's rules for strides and edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise, product
from math import ceil, prod
from typing import NamedTuple

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.memory_layout import empty_batch


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

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many places there are along each dimension."""
        axes = zip(self.shape, self.size, self.strides, strict=True)
        return tuple(ceil((length - size) / stride) + 1 for length, size, stride in axes)

    def __len__(self) -> int:
        """How many places there are."""
        return prod(self.counts)

    @cached_property
    def axes(self) -> list[list[tuple[int, int]]]:
        """From where to where every place covers, along each dimension."""
        axes = zip(self.shape, self.size, self.strides, self.counts, strict=True)
        return [
            [(n * stride, min(n * stride + size, length)) for n in range(count)]
            for length, size, stride, count in axes
        ]

    def at(self, place: Sequence[int]) -> Window:
        """The window at a place of the grid."""
        return self._window([axis[n] for axis, n in zip(self.axes, place, strict=True)])

    def _window(self, box: Sequence[tuple[int, int]]) -> Window:
        return Window(self.input, *zip(*box, strict=True)) if box else Window(self.input, (), ())

    def sample(self) -> list[Window]:
        """A window in the middle and the one in the corner."""
        return [self.at([count // 2 for count in self.counts]), self.at([0] * len(self.counts))]

    def numbers(self, windows: Sequence[Window]) -> Tensor:
        """The numbers of windows, as :meth:`windows` counts them."""
        places = _table([window.starts for window in windows]) // torch.tensor(self.strides)
        steps = [prod(self.counts[dim + 1 :]) for dim in range(len(self.counts))]
        found: Tensor = (places * torch.tensor(steps)).sum(1).long()
        return found

    def covers(self) -> dict[int, Tensor]:
        """For dimensions with several places: (places, length), whether each place covers it."""
        ends = {dim: torch.tensor(axis) for dim, axis in enumerate(self.axes) if len(axis) > 1}
        return {dim: _between(end[:, 0], end[:, 1], self.shape[dim]) for dim, end in ends.items()}

    def windows(self) -> Iterator[Window]:
        """All windows, the last dimension first."""
        return map(self._window, product(*self.axes))

    def tiles(self, most: int) -> Iterator[list[Window]]:
        """All windows once, in groups of at most ``most`` that lie close together."""
        sides = zip(self.counts, tile_sides(self.counts, most), strict=True)
        axes = [_even_parts(count, ceil(count / side)) for count, side in sides]
        for tile in product(*axes):
            yield [self.at(place) for place in product(*tile)]


def tiles_of(grids: Sequence[Grid], most: int, windows: Sequence[Window]) -> list[list[Window]]:
    """``windows`` of several grids in tiles of at most ``most`` that lie close together."""
    wanted = set(windows)
    tiles = [tile for grid in grids for tile in grid.tiles(most)]
    tiles = [[window for window in tile if window in wanted] for tile in tiles]
    return [tile for tile in tiles if tile]


def _even_parts(count: int, parts: int) -> list[range]:
    """``count`` places in runs that differ in length by one at most."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [range(*pair) for pair in pairwise(ends)]


def covered(windows: Sequence[Window], number: int, shape: Sequence[int]) -> Tensor:
    """Where windows cover input ``number``, of ``shape`` without the batch: (windows, 1, ...)."""
    outside = Window(number, tuple(shape), tuple(shape))
    own = [one if one.input == number else outside for one in windows]
    found = torch.tensor([[one.input == number] for one in windows])
    found = found.view(-1, *[1] * (len(shape) + 1))
    starts, stops = _table([one.starts for one in own]), _table([one.stops for one in own])
    for dim, length in enumerate(shape):
        if any(one.starts[dim] > 0 or one.stops[dim] < length for one in own):
            axis = [1] * len(shape)
            axis[dim] = length
            along = _between(starts[:, dim], stops[:, dim], length)
            found = found & along.view(-1, 1, *axis)
    return found


def _table(rows: Sequence[tuple[int, ...]]) -> Tensor:
    """Rows as a tensor; of a flat list torch makes it several times faster."""
    return torch.tensor(list(chain.from_iterable(rows)), dtype=torch.long).view(
        len(rows), len(rows[0])
    )


def _between(starts: Tensor, stops: Tensor, length: int) -> Tensor:
    """Which of ``length`` places lie from each start to its stop."""
    places = torch.arange(length)
    return (starts[:, None] <= places) & (places < stops[:, None])


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


class WindowTotals:
    """The change of the output under every window, averaged where windows overlap.

    Args:
        clean: the selected outputs on the clean inputs.
        inputs: the inputs.
        grids: where their windows are.
    """

    def __init__(self, clean: Tensor, inputs: Sequence[Tensor], grids: Sequence[Grid]) -> None:
        """Start with no window seen."""
        self.clean, self.inputs, self.grids = clean.reshape(1, -1), inputs, grids
        count, dtype = self.clean.shape[1], clean.dtype
        self.changes = [self.clean.new_zeros(len(grid), count, dtype=dtype) for grid in grids]

    def add(self, windows: Sequence[Window], outputs: Tensor) -> None:
        """``windows`` gave these selected ``outputs``, all of the first window first."""
        changes = self.clean - outputs.reshape(-1, self.clean.shape[1])
        for number, grid in enumerate(self.grids):
            rows = [row for row, window in enumerate(windows) if window.input == number]
            if rows:
                numbers = grid.numbers([windows[row] for row in rows])
                self.changes[number][numbers] = changes[rows]

    def attributions(self) -> tuple[Tensor, ...]:
        """The averages, each (outputs, *input shape without the batch)."""
        return tuple(map(self._average, self.inputs, self.grids, self.changes))

    def _average(self, like: Tensor, grid: Grid, changes: Tensor) -> Tensor:
        """What the windows over each place did, one dimension after another, by their number."""
        found = changes.to(like.device, _real(changes)).T.reshape(-1, *grid.counts)
        for dim, covers in grid.covers().items():  # a single place covers all of its dimension
            matrix = covers.to(found.device, found.dtype)
            found = (found.movedim(dim + 1, -1) @ matrix / matrix.sum(0)).movedim(-1, dim + 1)
        laid_out = empty_batch(like, len(found), found.dtype)
        return laid_out.copy_(found)


def _real(tensor: Tensor) -> torch.dtype:
    return tensor.dtype if tensor.is_floating_point() else torch.get_default_dtype()
