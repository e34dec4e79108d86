"""What an occlusion map of a small picture costs, next to ``captum.attr.Occlusion``.

All windows are run by both, in interleaved rounds, and times are those of the processor, so that
other programs on the machine count for little. The nets are small and wide ones, as tutorials and
students write them; ``costs/occlusion.py --small`` measures them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import captum.attr
import torch
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.tables import (
    markdown,
    rows_before,
    write_between,
    write_rows,
)
from captum_deconvnet_benchmarks.measuring import SEED, seconds
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

TARGET, TOGETHER, WARM = 1, (1, 16, 64), 2
RESULTS = Path("benchmarks/results/occlusion_small.json")


class SmallNet(NamedTuple):
    """A net, the shape of its input, and how a window covers it, batch left out."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]


def lenet() -> nn.Module:
    """LeNet-5 as in PyTorch's tutorials (LeCun et al. 1998)."""
    return _lenet(1)


def tutorial() -> nn.Module:
    """The net of PyTorch's classifier tutorial, for colours."""
    return _lenet(3)


def _lenet(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def mnist_example() -> nn.Module:
    """The net of PyTorch's MNIST example."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def digits() -> nn.Module:
    """The smaller net for digits of many tutorials."""
    return nn.Sequential(
        nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
        nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def twelve_channels() -> nn.Module:
    """Two filters on pictures of twelve bands."""
    return nn.Sequential(
        nn.Conv2d(12, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def signals() -> nn.Module:
    """Three filters on a signal of twelve leads."""
    return nn.Sequential(
        nn.Conv1d(12, 32, 7, 2, 3), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(32, 64, 5, padding=2), nn.ReLU(), nn.Conv1d(64, 64, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 5),
    )  # fmt: skip


class GatedBlock(nn.Module):
    """Two filters and a gate of each map, beside a skip (Hu et al. 2018)."""

    def __init__(self, before: int, maps: int, stride: int) -> None:
        """From ``before`` maps to ``maps``."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, maps, 3, stride, 1, bias=False), nn.BatchNorm2d(maps), nn.ReLU(),
            nn.Conv2d(maps, maps, 3, 1, 1, bias=False), nn.BatchNorm2d(maps),
        )  # fmt: skip
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(maps, maps // 8, 1), nn.ReLU(),
            nn.Conv2d(maps // 8, maps, 1), nn.Sigmoid(),
        )  # fmt: skip
        is_same = (before, stride) == (maps, 1)
        self.skip = nn.Identity() if is_same else nn.Conv2d(before, maps, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The gated filters, added to the skip."""
        y = self.body(x)
        found: Tensor = (y * self.gate(y) + self.skip(x)).relu()
        return found


def squeeze_excite() -> nn.Module:
    """A wide squeeze-excite ResNet of 18 layers."""
    blocks = [(1, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
    blocks += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 5)
    return nn.Sequential(*(GatedBlock(*block) for block in blocks), *head)


SMALL_NETS = {
    "LeNet": SmallNet(lenet, (1, 32, 32), (1, 8, 8), (1, 4, 4)),
    "LeNet at all places": SmallNet(lenet, (1, 32, 32), (1, 8, 8), (1, 1, 1)),
    "PyTorch's tutorial": SmallNet(tutorial, (3, 32, 32), (3, 8, 8), (3, 4, 4)),
    "PyTorch's MNIST example": SmallNet(mnist_example, (1, 28, 28), (1, 4, 4), (1, 2, 2)),
    "digits": SmallNet(digits, (1, 28, 28), (1, 7, 7), (1, 3, 3)),
    "wide squeeze-excite": SmallNet(squeeze_excite, (1, 32, 32), (1, 8, 8), (1, 4, 4)),
    "twelve channels": SmallNet(twelve_channels, (12, 32, 32), (12, 8, 8), (12, 4, 4)),
    "signals": SmallNet(signals, (12, 1000), (12, 50), (12, 25)),
}


@dataclass(frozen=True)
class SmallOcclusionCost:
    """One net: seconds of the processor for a whole map, medians of all rounds."""

    model: str
    shape: tuple[int, ...]
    windows: int
    method: str
    ours: float
    captum: float
    together: int
    difference: float


def measure_small(name: str, rounds: int) -> SmallOcclusionCost:
    """Time of one net."""
    net = SMALL_NETS[name]
    torch.manual_seed(SEED)
    model, image = net.build().eval(), torch.rand(1, *net.shape)
    theirs, ours = captum.attr.Occlusion(model), cdn.Occlusion(model)
    arguments: dict[str, Any] = {"target": TARGET, "strides": net.strides}
    calls: dict[int, Callable[[], torch.Tensor]] = {
        together: lambda together=together: theirs.attribute(  # type: ignore[misc]
            image, net.window, perturbations_per_eval=together, **arguments
        )
        for together in TOGETHER
    }
    calls[0] = lambda: ours.attribute(image, net.window, **arguments)
    rows = [
        {key: seconds(call, time.process_time) for key, call in calls.items()}
        for _ in range(rounds + WARM)
    ]
    medians = {key: statistics.median(row[key] for row in rows[WARM:]) for key in calls}
    best = min(TOGETHER, key=medians.__getitem__)
    right = calls[1]()
    difference = float((calls[0]() - right).abs().max() / right.abs().max())
    assert ours.report is not None
    return SmallOcclusionCost(
        name, net.shape, ours.report.windows, ours.report.method, medians[0], medians[best], best,
        difference,
    )  # fmt: skip


def small_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a markdown table."""
    return markdown(
        [
            {
                "model": row["model"],
                "input": " x ".join(map(str, row["shape"])),
                "windows": row["windows"],
                "ours": f"{row['ours'] * 1e3:.1f} ms",
                "captum, best": f"{row['captum'] * 1e3:.1f} ms at {row['together']}",
                "captum / ours": f"**{row['captum'] / row['ours']:.2f}**",
                "way": row["method"],
                "difference": f"{row['difference']:.0e}",
            }
            for row in rows
        ]
    )


def save_small(row: SmallOcclusionCost, threads: int) -> None:
    """Add a row to the result file, and write the table where docs/occlusion.md marks its place."""
    facts = {**provenance(SEED), "threads": threads}
    known = {one["model"]: one for one in [*rows_before(RESULTS), asdict(row)]}
    rows = [known[name] for name in SMALL_NETS if name in known]
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nOne random image, random weights, seconds of the processor, threads: {threads}; "
        f"{facts['machine']}, torch {facts['torch']}, captum {facts['captum']}, commit "
        f"{facts['commit']}, {facts['date']}.\n"
    )
    write_between(Path("docs/occlusion.md"), "small speed table", small_table(rows) + caption)
