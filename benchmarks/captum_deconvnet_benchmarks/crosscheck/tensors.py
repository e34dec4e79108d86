"""Comparisons of a metric of ours with that of a peer, on the same tensors.

The tensors are a small net, two images and their maps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Explainer, Subject
from captum_deconvnet_benchmarks.selftest.subjects import gradient

SEED = 20131112
SIDE = 32


class Tensors(NamedTuple):
    """A net in float64 and what it is asked about.

    Args:
        model: images (N, 3, 32, 32) to logits (N, 5).
        images: (2, 3, 32, 32).
        target: (2,).
        maps: their gradients, (2, 3, 32, 32).
        regions: (2, 32, 32) boolean.
        explainer: the gradient of the net.
    """

    model: nn.Module
    images: Tensor
    target: Tensor
    maps: Tensor
    regions: Tensor
    explainer: BoundExplainer

    @property
    def space(self) -> Tensor:
        """The maps summed over channels, (2, 1, 32, 32)."""
        return self.maps.sum(1, keepdim=True)


@cache
def tensors() -> Tensors:
    """The same in every process."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * (SIDE // 2) ** 2, 5),
        )
        model = model.double().eval()
        images = torch.rand(2, 3, SIDE, SIDE, dtype=torch.float64)
    target, regions = torch.tensor([1, 3]), torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    regions[0, 4:15, 6:20], regions[1, 10:30, 2:9] = True, True
    explainer = Explainer("gradient", lambda subject, x, y, seeds: gradient(subject.model, x, y))
    maps = gradient(model, images, target)
    bound = BoundExplainer(explainer, Subject("cross-check", model))
    return Tensors(model, images, target, maps, regions, bound)


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
