"""A net that teaches: it looks at crops of a folder's images, and says what it sees."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from captum_deconvnet import load_model
from captum_deconvnet_zfnet.data.batches import shuffled
from captum_deconvnet_zfnet.distillation.colours import normalise_for
from captum_deconvnet_zfnet.distillation.folder import crops_a_picture, found
from captum_deconvnet_zfnet.distillation.last_maps import LastMaps
from captum_deconvnet_zfnet.distillation.lessons import (
    Lessons,
    held_out_crops,
    taught,
    training_crops,
)
from captum_deconvnet_zfnet.distillation.plan import DistilPlan


class Teacher:
    """The lessons of a run: those of every round, and those that the pupil is judged by.

    Args:
        plan: names the net and the folder.
        device: where the net runs.

    Raises:
        DataError: there are no images.
        TrainingError: the net takes no colour pictures.
    """

    def __init__(self, plan: DistilPlan, device: torch.device) -> None:
        """Load the net, and find the images."""
        self.plan, self.folder, self.device = plan, Path(plan.data), device
        self.files, self.apart = found(self.folder)
        loaded = load_model(plan.teacher)
        self.size = loaded.input_size[-1]
        self.normalise = normalise_for(loaded)
        net = loaded.model.requires_grad_(False)
        net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.last = LastMaps(net, loaded.example_input())
        self.each = crops_a_picture(plan.crops, len(self.files))

    @property
    def steps(self) -> int:
        """Batches of a round."""
        return len(self.order(1))

    def order(self, number: int) -> list[list[int]]:
        """The numbers of each batch's crops in a round: all crops, as many times as planned."""
        count, passes = len(self.files) * self.each, self.plan.passes
        return [
            batch
            for which in range(passes)
            for batch in shuffled(count, self.plan.seed, number * passes + which, self.plan.batch)
        ]

    def crops(self, number: int) -> Tensor:
        """The crops of a round, (N, 3, S, S), unsigned 8-bit."""
        area, seed = self.plan.smallest_area, self.plan.seed
        return training_crops(self.folder, self.files, self.each, self.size, area, seed, number)

    def lessons(self, number: int) -> Lessons:
        """The crops of a round, and what the teacher says of them."""
        crops = self.crops(number)
        return self.say_of(crops, mixed=self.plan.mixed)

    def held_out(self) -> Lessons:
        """What the teacher says, in 32 bits, of the images that nothing learns from."""
        crops = held_out_crops(self.folder, self.apart, self.size, self.plan.seed)
        return self.say_of(crops, mixed=False)

    def say_of(self, crops: Tensor, *, mixed: bool) -> Lessons:
        """What the teacher says of crops (N, 3, S, S), unsigned 8-bit."""
        device = self.device
        return taught(
            self.last, self.normalise, crops, mixed=mixed, device=device, show_progress=True
        )
