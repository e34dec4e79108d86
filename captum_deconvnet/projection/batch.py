"""Units of one layer on their way back together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        if any(value not in found.windows for found in self.trails[0]):
            return None
        seen = [tuple(found.windows[value] for found in trails) for trails in self.trails]
        return Frame(value.shape, seen, self.seats)
