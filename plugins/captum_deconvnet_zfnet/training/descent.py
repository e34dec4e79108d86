"""One step down a loss: gradient, clip, optimizer, schedule; and the state to go on from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet_zfnet.training.schedule import Schedule


class Descent:
    """Modules that learn, with their optimizer and schedule.

    Args:
        modules: all that learns, by the names that its state is saved under.
        optimizer: of their parameters.
        schedule: of its learning rate.
        clip: the largest norm of the gradient, or ``None``.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        clip: float | None = None,
    ) -> None:
        """Remember what learns, and how."""
        self.modules, self.optimizer, self.schedule = modules, optimizer, schedule
        self.clip = clip

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def descend(self, loss: Tensor) -> None:
        """Make one step."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.clip is not None:
            for module in self.modules.values():
                nn.utils.clip_grad_norm_(module.parameters(), self.clip)
        self.optimizer.step()
        self.schedule.step_ended()

    def state_dict(self) -> dict[str, Any]:
        """All of it, to go on later."""
        parts: dict[str, Any] = {
            **self.modules,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }
        return {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was made."""
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
