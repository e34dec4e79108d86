"""What :class:`OcclusionSensitivity` finds.

How an occlusion was worked out.

Adding up what each window did to the output, place by place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.memory_layout import empty_batch
from captum_deconvnet.occlusion.window_grid import Grid, Window


@dataclass(frozen=True)
class OcclusionMaps:
    """What covering each place of N images did; maps have a row and column a place.

    Args:
        probability: of the target class, in [0, 1], (N, rows, columns): Fig. 7 (d).
        label: the most probable class, (N, rows, columns): Fig. 7 (e).
        target: the target class of each image, (N,).
        clean_probability: of the target class, nothing covered, (N,).
        clean_label: the most probable class, nothing covered, (N,).
        rows: the first and the last row of pixels covered, by row of the maps.
        columns: likewise of columns.
        channel: each image's strongest feature map of the layer, by the sum of its activations,
            (N,); ``None`` without a layer, as are the next four.
        activity: the sum of that map, (N, rows, columns): Fig. 7 (b).
        clean_activity: likewise, nothing covered, (N,).
        projection: of that map, all positions kept, (N, C, H, W): Fig. 7 (c).
        other_projections: of the same maps on the other images, (N, M, C, H, W).
        probabilities: of all classes, (N, K, rows, columns), if asked for.
    """

    probability: Tensor
    label: Tensor
    target: Tensor
    clean_probability: Tensor
    clean_label: Tensor
    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]
    channel: Tensor | None = None
    activity: Tensor | None = None
    clean_activity: Tensor | None = None
    projection: Tensor | None = None
    other_projections: Tensor | None = None
    probabilities: Tensor | None = None


@dataclass(frozen=True)
class OcclusionReport:
    """How an occlusion was worked out.

    Args:
        method: ``"incremental"`` or ``"dense"``.
        reason: why it was not incremental; empty if it was.
        windows: how many windows there were.
        error: the largest difference of two windows' outputs from the model's own, as a part of
            the largest output; ``None`` if the model could not be followed.
    """

    method: str
    reason: str
    windows: int
    error: float | None = None


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
