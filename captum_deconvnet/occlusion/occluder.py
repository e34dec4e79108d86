"""Covering windows of the inputs with what the occluder is made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.memory_layout import batch_copies, empty_batch
from captum_deconvnet.occlusion.incremental.region import Region, RegionValues, Span, cut, fitted
from captum_deconvnet.occlusion.window_grid import Window, covered


class Occluder:
    """Covers windows of inputs.

    Args:
        inputs: the clean inputs, each (N, ...).
        fills: what covers each: a number, or a tensor that broadcasts to the input.
    """

    def __init__(self, inputs: Sequence[Tensor], fills: Sequence[Tensor | int | float]) -> None:
        """Cover ``inputs`` with ``fills``."""
        self.inputs = tuple(inputs)
        self.types = [torch.result_type(one, fill) for one, fill in zip(inputs, fills, strict=True)]
        self.fills = [
            torch.as_tensor(fill, dtype=dtype, device=tensor.device).expand(tensor.shape)
            for fill, dtype, tensor in zip(fills, self.types, self.inputs, strict=True)
        ]

    @property
    def keeps_dtypes(self) -> bool:
        """Whether the inputs have the same types when covered."""
        return all(one is tensor.dtype for one, tensor in zip(self.types, self.inputs, strict=True))

    def covered_inputs(self, windows: Sequence[Window]) -> tuple[Tensor, ...]:
        """All inputs, each window covered in a copy of its own: (windows * N, ...)."""
        return tuple(self._covered(number, windows) for number in range(len(self.inputs)))

    def clean_inputs(self) -> tuple[Tensor, ...]:
        """A copy of all inputs, nothing covered, so that a model cannot change the user's own."""
        return tuple(batch_copies(tensor, 1) for tensor in self.inputs)

    def region(self, windows: Sequence[Window]) -> Region:
        """The box that windows of one input cover; channels, and vectors, are whole."""
        shape = self.inputs[windows[0].input].shape
        return tuple(
            (dim, span) for dim in range(2, len(shape)) if (span := _span(windows, dim, shape))
        )

    def covered_boxes(self, windows: Sequence[Window]) -> RegionValues:
        """What changes in the input that ``windows`` cover."""
        number, region = windows[0].input, self.region(windows)
        boxes = cut(self.inputs[number], region, len(windows))
        self._cover(boxes, windows, number, region)
        return RegionValues(boxes, region)

    def _covered(self, number: int, windows: Sequence[Window]) -> Tensor:
        tensor = self.inputs[number]
        if all(window.input != number for window in windows):
            return batch_copies(tensor, len(windows))
        kind = self.types[number]
        found = empty_batch(tensor, len(windows) * len(tensor), kind)
        cover = covered(windows, number, tensor.shape[1:]).to(tensor.device)
        places = found.view(len(windows), *tensor.shape)
        torch.where(cover, self.fills[number], tensor.to(kind), out=places)
        return found

    def _cover(self, boxes: Tensor, windows: Sequence[Window], number: int, region: Region) -> None:
        images, spans = len(self.inputs[number]), dict(region)
        for place, window in enumerate(windows):
            ends = list(zip(window.starts, window.stops, strict=True))
            dims = range(1, len(ends) + 1)
            firsts = [spans[dim].starts[place] if dim in spans else 0 for dim in dims]
            rows = slice(place * images, (place + 1) * images)
            box = [slice(a - first, b - first) for (a, b), first in zip(ends, firsts, strict=True)]
            fill = self.fills[number][(slice(None), *(slice(a, b) for a, b in ends))]
            boxes[(rows, *box)].copy_(fill)


def _span(windows: Sequence[Window], dim: int, shape: Sequence[int]) -> Span | None:
    starts = [window.starts[dim - 1] for window in windows]
    return fitted(starts, [window.stops[dim - 1] for window in windows], shape[dim])
