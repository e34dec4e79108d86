"""What a pupil's agreement is to be compared with, measured before it learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captum_deconvnet_zfnet.distillation.agreement import Agreement, agreement, answers, resized
from captum_deconvnet_zfnet.distillation.lessons import BATCH, Lessons
from captum_deconvnet_zfnet.distillation.loss import soft_cross_entropy
from captum_deconvnet_zfnet.distillation.pupil import Pupil
from captum_deconvnet_zfnet.distillation.teacher import Teacher

STEPS, RATE = 200, 3e-3
SMALL = 1e-6
"""Keeps means that never change from being divided by 0."""


def references(
    teacher: Teacher, pupil: Pupil, lessons: Lessons, held_out: Lessons, size: int
) -> dict[str, Agreement]:
    """Measure, on the held-out pictures, what is good and what is cheap.

    Args:
        teacher: that gave the lessons.
        pupil: as it starts, in eval mode.
        lessons: to learn from.
        held_out: to be judged by.
        size: side of the pupil's pictures.

    Returns:
        ``teacher``: the teacher with itself, whose cross-entropy is the lowest there can be;
        ``mirrored``: the teacher on pictures and their mirror images; ``random features``: a
        linear layer on the means of the pupil's last maps, learned from the lessons.
    """
    learn, judge = (_means(pupil, each.pictures, size) for each in (lessons, held_out))
    mean, std = learn.mean(dim=0), learn.std(dim=0) + SMALL
    said = _foretold((learn - mean) / std, lessons.logits, (judge - mean) / std, held_out.logits)
    mirrored = held_out.pictures.flip(-1)
    turned = answers(teacher.last.net, teacher.normalise, mirrored, teacher.size, teacher.device)
    return {
        "teacher": agreement(held_out.logits.float(), held_out.logits),
        "mirrored": agreement(turned, held_out.logits),
        "random features": agreement(said, held_out.logits),
    }


@torch.no_grad()
def _means(pupil: Pupil, pictures: Tensor, size: int) -> Tensor:
    """Means over positions of the last maps, (N, m), for pictures (N, 3, S, S)."""
    means = []
    for batch in torch.split(pictures, BATCH):
        maps, _ = pupil.last(pupil.normalise(resized(batch.to(pupil.device), size)))
        means.append(maps.float().mean(dim=(2, 3)).cpu())
    return torch.cat(means)


def _foretold(features: Tensor, taught: Tensor, judge: Tensor, judged: Tensor) -> Tensor:
    """Logits (n, K) that a linear layer on features (N, M) gives for others (n, M).

    Of all its steps, the one is taken that does best on the held-out pictures: no choice of the
    steps could do better.
    """
    head = nn.Linear(features.shape[1], taught.shape[1])
    for each in (head.weight, head.bias):
        nn.init.zeros_(each)
    optimizer = torch.optim.Adam(head.parameters(), RATE)
    lowest, best = torch.inf, torch.zeros_like(judged, dtype=torch.float32)
    for _ in range(STEPS):
        loss = soft_cross_entropy(head(features), taught)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            said = head(judge)
        error = float(soft_cross_entropy(said, judged))
        if error < lowest:
            lowest, best = error, said
    return best
