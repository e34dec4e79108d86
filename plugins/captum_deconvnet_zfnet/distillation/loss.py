"""What a pupil should get right: the teacher's labels, as a whole and in place, and features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet_zfnet.distillation.last_maps import LastMaps
from captum_deconvnet_zfnet.distillation.lessons import Lessons

FEATURES = 2.0
"""Weight of the features: without it their gradient is lost beside that of the labels."""

TEMPERATURE = 4.0
"""Logits are divided by it (Hinton et al. 2015), so that all thousand count, not the first few."""


@dataclass(frozen=True)
class Loss:
    """The parts of the loss of one batch, each a number.

    Args:
        labels: cross-entropy to the teacher's soft labels; told, not learned from.
        positions: the same at every position of the pupil's last maps; 0 if one of the two nets
            does not end with a mean over positions and a linear layer.
        features: mean square of what is not foretold of the teacher's last maps, as a share of
            their variance.
        softened: divergence from the teacher's labels, at all temperatures alike in size, as a
            whole and at every position.
    """

    labels: Tensor
    positions: Tensor
    features: Tensor
    softened: Tensor

    @property
    def total(self) -> Tensor:
        """What is learned from."""
        return self.softened + FEATURES * self.features

    def told(self) -> Tensor:
        """Labels, positions and features, (3,), for the log."""
        return torch.stack([self.labels, self.positions, self.features]).detach().cpu()


def loss_of(
    maps: Tensor,
    logits: Tensor,
    pupil: LastMaps,
    translate: nn.Module,
    teacher: LastMaps,
    lessons: Lessons,
) -> Loss:
    """Compare a pupil's answers with the lessons.

    Args:
        maps: the pupil's last ones, (N, m, h, w).
        logits: the pupil's, (N, K).
        pupil: that gave both.
        translate: from the pupil's maps to as many as the teacher's, a convolution of 1 by 1.
        teacher: that gave the lessons.
        lessons: (N, ...).
    """
    seen = F.adaptive_avg_pool2d(lessons.maps.float(), (maps.shape[-2], maps.shape[-1]))
    positions, softened = torch.zeros((), device=logits.device), divergence(logits, lessons.logits)
    if pupil.linear is not None and teacher.linear is not None:
        with torch.no_grad():
            said = teacher.logits_at(seen).flatten(0, 2)
        placed = pupil.logits_at(maps).flatten(0, 2)
        softened = softened + divergence(placed, said)
        positions = soft_cross_entropy(placed.detach(), said)
    return Loss(
        soft_cross_entropy(logits.detach(), lessons.logits),
        positions,
        F.mse_loss(translate(maps).float(), seen) / seen.var(),
        softened,
    )


def soft_cross_entropy(logits: Tensor, taught: Tensor) -> Tensor:
    """Mean cross-entropy of (N, K) logits to the probabilities of other (N, K) logits."""
    return F.cross_entropy(logits.float(), taught.float().softmax(dim=-1))


def divergence(logits: Tensor, taught: Tensor) -> Tensor:
    """Mean divergence of (N, K) softened labels from taught ones, times the temperature squared."""
    softer, target = logits.float() / TEMPERATURE, taught.float() / TEMPERATURE
    return TEMPERATURE**2 * F.kl_div(
        softer.log_softmax(dim=-1),
        target.log_softmax(dim=-1),
        reduction="batchmean",
        log_target=True,
    )
