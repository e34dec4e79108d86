"""Adding up what each window did to the output, place by place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet.incremental.memory_layout import room
from captum_deconvnet.incremental.windows import Grid, Window


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
        for dim, covers in enumerate(grid.covers(), 1):
            if len(covers) == 1:  # it covers the whole dimension
                continue
            matrix = covers.to(found.device, found.dtype)
            found = (found.movedim(dim, -1) @ matrix / matrix.sum(0)).movedim(-1, dim)
        laid_out = room(like, len(found), found.dtype)
        return laid_out.copy_(found)


def _real(tensor: Tensor) -> torch.dtype:
    return tensor.dtype if tensor.is_floating_point() else torch.get_default_dtype()
