"""A net with its optimizer and schedule: learns from one batch at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet_zfnet.network import build
from captum_deconvnet_zfnet.training.descent import Descent
from captum_deconvnet_zfnet.training.plan import Plan
from captum_deconvnet_zfnet.training.renormalise import renormalise
from captum_deconvnet_zfnet.training.schedule import SCHEDULES
from captum_deconvnet_zfnet.training.workers import Workers


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
