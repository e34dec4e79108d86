"""Checks of a net's activations: neither too small, nor too large, nor dead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet_zfnet.health.checks import Finding

ENOUGH = 256
"""Pictures on which a unit that is of any use should fire at least once."""

CHUNK = 32

SMALLEST, LARGEST = 1e-3, 1e2
"""Bounds for a layer's standard deviation."""

DEAD_SHARE = 0.5


@dataclass
class Activity:
    """What was seen of one rectifier's units.

    Args:
        fired: whether each unit or map was above 0 somewhere, (C,).
        total: sum of all activations.
        squares: sum of their squares.
        numbers: how many they were.
    """

    fired: Tensor
    total: float = 0.0
    squares: float = 0.0
    numbers: int = 0

    def see(self, maps: Tensor) -> None:
        """Take in the activations (N, C, ...) of some pictures."""
        maps = maps.detach().double()
        self.fired = self.fired | (maps > 0).movedim(1, 0).flatten(1).any(dim=1)
        self.total += float(maps.sum())
        self.squares += float(maps.square().sum())
        self.numbers += maps.numel()

    @property
    def dead(self) -> float:
        """Share of units that never fired."""
        return 1 - float(self.fired.float().mean())

    @property
    def deviation(self) -> float:
        """Standard deviation over all units, pictures and positions."""
        mean = self.total / self.numbers
        return math.sqrt(max(0.0, self.squares / self.numbers - mean**2))


def check_activity(net: nn.Module, pictures: Tensor) -> list[Finding]:
    """Look at every ReLU of a net in eval mode; the net is left as found.

    Args:
        net: whose rectifiers are ``nn.ReLU`` modules.
        pictures: (N, C, H, W), as the net takes them; a few hundred, since a unit may well fire on
            few of them.
    """
    return [
        finding
        for path, seen in observe(net, pictures).items()
        for finding in (*_out_of_bounds(path, seen), *_dead(path, seen, len(pictures)))
    ]


@torch.no_grad()
def observe(net: nn.Module, pictures: Tensor) -> dict[str, Activity]:
    """The activity of each ReLU, by its path, over pictures (N, C, H, W)."""
    activities: dict[str, Activity] = {}
    training = net.training
    net.eval()
    with ExitStack() as stack:
        stack.callback(net.train, training)
        for path, module in net.named_modules():
            if isinstance(module, nn.ReLU):
                hook = module.register_forward_hook(_seeing(activities, path))
                stack.callback(hook.remove)
        for chunk in torch.split(pictures, CHUNK):
            net(chunk)
    return activities


def _seeing(activities: dict[str, Activity], path: str) -> Any:
    def see(module: nn.Module, args: object, maps: Tensor) -> None:
        none = torch.zeros(maps.shape[1], dtype=torch.bool, device=maps.device)
        activities.setdefault(path, Activity(none)).see(maps)

    return see


def _out_of_bounds(path: str, seen: Activity) -> Iterator[Finding]:
    if not SMALLEST <= seen.deviation <= LARGEST:
        word, cure = ("vanish", "larger") if seen.deviation < SMALLEST else ("explode", "smaller")
        yield Finding(
            "activations",
            f"they {word}: the standard deviation after {path} is {seen.deviation:.3g}, and "
            f"{SMALLEST:g} to {LARGEST:g} was expected; start from {cure} weights.",
        )


def _dead(path: str, seen: Activity, count: int) -> Iterator[Finding]:
    if seen.dead >= DEAD_SHARE:
        yield Finding(
            "dead units",
            f"{seen.dead:.0%} of the units of {path} never fire on {count} pictures, and less "
            f"than {DEAD_SHARE:.0%} was expected; lower the learning rate or start from smaller "
            "weights.",
        )
