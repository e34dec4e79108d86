"""Adding up what each window did to the output, place by place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet.incremental.memory_layout import room
from captum_deconvnet.incremental.windows import Window


class WindowTotals:
    """The change of the output under every window, averaged where windows overlap.

    Args:
        clean: the selected outputs on the clean inputs.
        inputs: the inputs.
    """

    def __init__(self, clean: Tensor, inputs: Sequence[Tensor]) -> None:
        """Start with no window seen."""
        self.clean = clean.reshape(1, -1)
        count = self.clean.shape[1]
        self.totals = [room(tensor, count, clean.dtype).zero_() for tensor in inputs]
        self.counts = [torch.zeros_like(total[:1], dtype=torch.int64) for total in self.totals]

    def add(self, windows: Sequence[Window], outputs: Tensor) -> None:
        """``windows`` gave these selected ``outputs``, all of the first window first."""
        changes = self.clean - outputs.reshape(-1, self.clean.shape[1])
        for window, change in zip(windows, changes, strict=True):
            total, count = self.totals[window.input], self.counts[window.input]
            box = [slice(*ends) for ends in zip(window.starts, window.stops, strict=True)]
            change = change.to(total.device).view(-1, *[1] * len(box))
            total[(slice(None), *box)] += change
            count[(slice(None), *box)] += 1

    def attributions(self) -> tuple[Tensor, ...]:
        """The averages, each (outputs, *input shape without the batch)."""
        pairs = zip(self.totals, self.counts, strict=True)
        return tuple(total / count.clamp(min=1).to(_real(total)) for total, count in pairs)


def _real(tensor: Tensor) -> torch.dtype:
    return tensor.dtype if tensor.is_floating_point() else torch.get_default_dtype()
