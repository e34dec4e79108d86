"""The net that learns: its weights, their average, its optimizer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from captum_deconvnet import load_model
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet_zfnet.data.batches import mean_and_deviation
from captum_deconvnet_zfnet.distillation.agreement import resized
from captum_deconvnet_zfnet.distillation.colours import normalise_for
from captum_deconvnet_zfnet.distillation.last_maps import LastMaps
from captum_deconvnet_zfnet.distillation.lessons import Lessons, colours
from captum_deconvnet_zfnet.distillation.loss import Loss, loss_of
from captum_deconvnet_zfnet.distillation.plan import DistilPlan
from captum_deconvnet_zfnet.training.beginning import initialise
from captum_deconvnet_zfnet.training.learner import Descent
from captum_deconvnet_zfnet.training.schedule import InverseRoot

CLIP = 5.0
FIRST_STEPS = 10
"""The average follows the weights closely in the first steps, and ever less closely."""


class Pupil(Descent):
    """All that changes as a distillation goes on.

    Args:
        plan: how it learns.
        loaded: the net.
        teacher: what it learns from.
        device: where both are.
    """

    def __init__(
        self, plan: DistilPlan, loaded: LoadedModel, teacher: LastMaps, device: torch.device
    ) -> None:
        """Make the net ready to learn; its weights stay."""
        self.plan, self.teacher, self.device = plan, teacher, device
        self.net: nn.Module = loaded.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normalise = normalise_for(loaded)
        self.last = LastMaps(self.net, loaded.example_input())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self.translate = nn.Conv2d(self.last.maps, teacher.maps, 1).to(device)
        self.average = AveragedModel(self.net, avg_fn=_averaging(plan.averaging), use_buffers=True)
        parameters = [*self.net.parameters(), *self.translate.parameters()]
        optimizer = torch.optim.AdamW(
            parameters, plan.learning_rate, weight_decay=plan.weight_decay
        )
        schedule = InverseRoot(optimizer, 1, plan.rise)
        learning = {"net": self.net, "translate": self.translate}
        super().__init__(learning, optimizer, schedule, CLIP)

    def learn(self, lessons: Lessons, size: int) -> Loss:
        """Learn from one batch of lessons, with pictures of ``size`` pixels.

        Returns:
            The loss before the step.
        """
        lessons = lessons.to(self.device)
        pictures = self.normalise(resized(lessons.pictures, size))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.mixed):
            maps, logits = self.last(pictures)
            loss = loss_of(maps, logits, self.last, self.translate, self.teacher, lessons)
        self.descend(loss.total)
        self.average.update_parameters(self.net)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """All of it, to go on later."""
        return {**super().state_dict(), "average": self.average.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was made."""
        super().load_state_dict(state)
        self.average.load_state_dict(state["average"])


def pupil_net(plan: DistilPlan, pictures: Tensor) -> LoadedModel:
    """The net as it starts: random weights of the seed.

    A net of this plugin gets the mean and deviation of the pictures' colours, and starts from the
    paper's small weights: Adam's steps are of one size, so that the noise that filters start as is
    gone the sooner the smaller it is, and batch norm makes up for the scale.

    Args:
        plan: names it.
        pictures: (N, 3, S, S), unsigned 8-bit.

    Raises:
        TrainingError: the net takes no colour pictures.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        loaded = load_model(plan.pupil, "random")
    normalise_for(loaded)
    if plan.pupil.startswith("zfnet/"):
        initialise(loaded.model, "gaussian", plan.seed)
        seen = colours(pictures)
        moments = seen.mean(dim=0), seen.std(dim=0)
        mean, deviation = mean_and_deviation(*moments)
        held = loaded.model.get_buffer("input.mean")
        held.copy_(mean[:, :1, :1].expand_as(held))
        loaded.model.get_buffer("input.deviation").copy_(deviation)
    return loaded


def _averaging(keep: float) -> Any:
    """How an averaged tensor follows the weights."""

    def follow(average: Tensor, weights: Tensor, count: Tensor | int) -> Tensor:
        if not average.is_floating_point():
            return weights
        steps = int(count)
        share = min(keep, (1 + steps) / (FIRST_STEPS + steps))
        return average.lerp(weights, 1 - share)

    return follow
