"""A net with its optimizer and schedule: learns from one batch at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet_zfnet.network import build
from captum_deconvnet_zfnet.training.plan import Plan
from captum_deconvnet_zfnet.training.renormalise import renormalise
from captum_deconvnet_zfnet.training.schedule import SCHEDULES
from captum_deconvnet_zfnet.training.workers import Workers


class Learner:
    """All that changes as a run goes on.

    Args:
        plan: which net, and how it is trained.
        classes: number of logits.
        channels: of the pictures.
        steps: batches of an epoch.
        workers: the processes that share the work.
    """

    def __init__(
        self, plan: Plan, classes: int, channels: int, steps: int, workers: Workers
    ) -> None:
        """Build the net, with torch's default weights."""
        self.recipe, self.device = plan.settled(), workers.device
        net: nn.Module = build(plan.architecture(), classes, channels)
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mixed = self.device.type == "cuda" if plan.mixed is None else plan.mixed
        self.optimizer = torch.optim.SGD(
            net.parameters(),
            self.recipe.learning_rate,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
        )
        self.schedule = SCHEDULES[self.recipe.schedule](self.optimizer, steps, self.recipe.epochs)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def learn(self, team: nn.Module, pictures: Tensor, labels: Tensor) -> Tensor:
        """Learn from one batch.

        Args:
            team: the net, or what averages its gradients over all processes.
            pictures: (N, C, size, size), as the net takes them.
            labels: (N,).

        Returns:
            The loss before the step, a number.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            logits = team(pictures.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        self.optimizer.step()
        if self.recipe.renormalise is not None:
            renormalise(self.net, self.recipe.renormalise)
        self.schedule.step_ended()
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """All of it, to go on later."""
        parts = {"net": self.net, "optimizer": self.optimizer, "schedule": self.schedule}
        return {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was made."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
