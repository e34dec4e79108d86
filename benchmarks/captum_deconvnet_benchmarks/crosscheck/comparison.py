"""One comparison of a metric of ours with that of a peer, on the same tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Comparison:
    """A row of the cross-check.

    Args:
        metric: ours.
        peer: whose it is compared with.
        measure: gives our values and theirs, of one shape.
        tolerance: how far the two may differ, as a part of the largest value of theirs.
        remark: what was set so that the two mean the same.
    """

    metric: str
    peer: str
    measure: Callable[[], Pair]
    tolerance: float
    remark: str = ""

    def row(self) -> dict[str, str | float | bool]:
        """The comparison made: first values, the largest difference, whether it is small enough."""
        ours, theirs = (values.detach().double().flatten() for values in self.measure())
        scale = max(float(theirs.abs().max()), torch.finfo(torch.float64).tiny)
        difference = float((ours - theirs).abs().max()) / scale
        return {
            "metric": self.metric,
            "peer": self.peer,
            "ours": float(ours[0]),
            "theirs": float(theirs[0]),
            "values": float(len(ours)),
            "largest difference": difference,
            "tolerance": self.tolerance,
            "ok": difference <= self.tolerance,
            "remark": self.remark,
        }
