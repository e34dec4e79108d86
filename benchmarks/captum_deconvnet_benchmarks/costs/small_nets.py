"""Small and wide nets for small pictures and signals, as tutorials and students write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn


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
