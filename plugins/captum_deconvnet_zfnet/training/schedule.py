"""How the learning rate falls: when the error stalls, along a cosine, or for ever slower."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

PATIENCE = 2
"""Epochs without a lower validation error, after which the rate falls to a tenth."""

WARM_UP = 5
"""Epochs over which the rate rises, or a tenth of all epochs if that is less."""

LEVEL = 10
"""Where the inverse root begins to fall, in lengths of its rise."""


class Schedule(Protocol):
    """Sets the learning rate of an optimizer as training goes on."""

    def step_ended(self) -> None:
        """One batch was learned."""

    def epoch_ended(self, error: float) -> None:
        """One epoch ended with this validation error, in [0, 1]."""

    def state_dict(self) -> dict[str, Any]:
        """All it needs to go on after a stop."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was made."""


class Plateau:
    """A tenth of the rate when the validation error stalls; the paper did it by hand."""

    def __init__(self, optimizer: Optimizer, steps: int, epochs: int) -> None:
        """Start at the optimizer's own rate."""
        self._rule = ReduceLROnPlateau(optimizer, factor=0.1, patience=PATIENCE)
        self.state_dict: Callable[[], dict[str, Any]] = self._rule.state_dict
        self.load_state_dict: Callable[[dict[str, Any]], None] = self._rule.load_state_dict

    def step_ended(self) -> None:
        """Nothing changes within an epoch."""

    def epoch_ended(self, error: float) -> None:
        """Lower the rate if the error has not fallen for long enough."""
        self._rule.step(error)


class Stepwise:
    """A learning rate that a function of the step decides."""

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float]) -> None:
        """Multiply the rate by ``factor`` of the steps done."""
        self._rule = LambdaLR(optimizer, factor)
        self.state_dict: Callable[[], dict[str, Any]] = self._rule.state_dict
        self.load_state_dict: Callable[[dict[str, Any]], None] = self._rule.load_state_dict

    def step_ended(self) -> None:
        """One step along the curve."""
        self._rule.step()

    def epoch_ended(self, error: float) -> None:
        """The error changes nothing."""


class Cosine(Stepwise):
    """A linear rise, then half a cosine down to zero (Loshchilov & Hutter 2017)."""

    def __init__(self, optimizer: Optimizer, steps: int, epochs: int) -> None:
        """Lay out ``epochs`` of ``steps`` batches."""
        rise, total = max(1, int(steps * min(WARM_UP, epochs / 10))), steps * epochs

        def factor(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, total - rise))

        super().__init__(optimizer, factor)


class InverseRoot(Stepwise):
    """A linear rise, a level, then a fall with the root of the steps; the end need not be known.

    A run on this schedule can be stopped and lengthened at any time.
    """

    def __init__(self, optimizer: Optimizer, steps: int, epochs: int) -> None:
        """Rise over ``epochs`` of ``steps`` batches, and stay there for ``LEVEL`` times as many."""
        rise = max(1, steps * epochs)

        def factor(step: int) -> float:
            return min(1.0, (step + 1) / rise, math.sqrt(LEVEL * rise / (step + 1)))

        super().__init__(optimizer, factor)


SCHEDULES: dict[str, Callable[[Optimizer, int, int], Schedule]] = {
    "plateau": Plateau,
    "cosine": Cosine,
}
"""Made with the optimizer, the batches of an epoch and the number of epochs."""
