"""A net with its optimizer and schedule: learns from one batch at a time.

Filters are renormalised after each step, where the recipe says so (Zeiler & Fergus, section 3).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet_zfnet.network import build
from captum_deconvnet_zfnet.training.plan import Plan
from captum_deconvnet_zfnet.training.schedule import SCHEDULES, Schedule
from captum_deconvnet_zfnet.training.workers import Workers


@torch.no_grad()
def renormalise(net: nn.Module, largest: float) -> None:
    """Scale every convolutional filter whose root mean square exceeds ``largest`` back to it.

    Args:
        net: changed in place; biases and other modules stay.
        largest: root mean square over a filter's weights; the paper's is 0.1.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            size = module.weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
            module.weight.mul_((largest / size).clamp(max=1))


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
        learned: dict[str, Any] = {
            **self.modules,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }
        return {name: each.state_dict() for name, each in learned.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was made."""
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


class Learner(Descent):
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
        optimizer = torch.optim.SGD(
            net.parameters(),
            self.recipe.learning_rate,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
        )
        schedule = SCHEDULES[self.recipe.schedule](optimizer, steps, self.recipe.epochs)
        super().__init__({"net": self.net}, optimizer, schedule, self.recipe.clip)

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
        self.descend(loss)
        if self.recipe.renormalise is not None:
            renormalise(self.net, self.recipe.renormalise)
        return loss.detach()
