"""Units of one layer on their way back together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from captum_deconvnet.projection.frame import Frame, Seats
from captum_deconvnet.projection.support import Trail
from captum_deconvnet.projection.tape import Value


@dataclass(eq=False)
class Batch:
    """Units of one layer on their way back together, with the signals that wait at values."""

    numbers: list[int]
    trails: list[tuple[Trail, ...]]
    seats: Seats
    signals: dict[Value, Tensor]

    def part(self, chosen: Sequence[int], seats: Seats) -> Batch:
        """Some of the units, with their part of the signals."""
        rows = torch.tensor(chosen)
        return Batch(
            [self.numbers[row] for row in chosen],
            [self.trails[row] for row in chosen],
            seats,
            {value: signal[rows.to(signal.device)] for value, signal in self.signals.items()},
        )

    @property
    def nbytes(self) -> int:
        """The bytes of the waiting signals."""
        return sum(signal.nbytes for signal in self.signals.values())

    def frame(self, value: Value) -> Frame | None:
        """The windows of the units in a value; ``None`` if they do not all reach it."""
        if value not in self._frames:
            is_reached = all(value in trail.windows for trail in self.trails[0])
            self._frames[value] = self._framed(value) if is_reached else None
        return self._frames[value]

    def _framed(self, value: Value) -> Frame:
        extents = [[trail.windows[value] for trail in unit] for unit in self.trails]
        return Frame(value.shape, extents, self.seats)

    def alike(self, number: int) -> list[list[int]]:
        """The units by how their windows lie at one step."""
        groups: dict[object, list[int]] = {}
        for trails, rows in self._places.items():
            pattern = tuple(trail.patterns[number] for trail in trails)
            groups.setdefault(pattern, []).extend(rows)
        return list(groups.values())

    @cached_property
    def _frames(self) -> dict[Value, Frame | None]:
        return {}

    @cached_property
    def _places(self) -> dict[tuple[Trail, ...], list[int]]:
        """The units by their place in the layer."""
        places: dict[tuple[Trail, ...], list[int]] = {}
        for row, trails in enumerate(self.trails):
            places.setdefault(trails, []).append(row)
        return places
