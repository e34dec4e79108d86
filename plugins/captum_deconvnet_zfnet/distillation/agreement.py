"""How often a net says what its teacher says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_deconvnet_zfnet.distillation.lessons import BATCH, colours
from captum_deconvnet_zfnet.distillation.loss import soft_cross_entropy


@dataclass(frozen=True)
class Agreement:
    """What one net's logits have in common with a teacher's.

    Args:
        top1: share of pictures whose first label is the teacher's.
        top5: share of pictures where the teacher's first label is among the first five.
        cross_entropy: mean, to the teacher's soft labels.
    """

    top1: float
    top5: float
    cross_entropy: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"top-1 {self.top1:.1%}, top-5 {self.top5:.1%}, cross-entropy {self.cross_entropy:.3f}"
        )


def agreement(logits: Tensor, taught: Tensor) -> Agreement:
    """Compare logits (N, K) with a teacher's (N, K).

    Example:
        >>> said = torch.eye(10)[:4]
        >>> agreement(-said, said).top1, agreement(said, said).top5
        (0.0, 1.0)
    """
    first = taught.argmax(dim=1, keepdim=True)
    ranked = logits.topk(min(5, logits.shape[1]), dim=1).indices == first
    return Agreement(
        float(ranked[:, 0].float().mean()),
        float(ranked.any(dim=1).float().mean()),
        float(soft_cross_entropy(logits, taught)),
    )


@torch.no_grad()
def answers(
    net: Callable[[Tensor], Tensor],
    normalise: Callable[[Tensor], Tensor],
    pictures: Tensor,
    size: int,
    device: torch.device,
) -> Tensor:
    """Logits (N, K) of a net for pictures (N, 3, S, S), unsigned 8-bit, made ``size`` a side."""
    said = [
        net(normalise(resized(batch.to(device), size))).float().cpu()
        for batch in torch.split(pictures, BATCH)
    ]
    return torch.cat(said)


def resized(pictures: Tensor, size: int) -> Tensor:
    """Unsigned 8-bit pictures as colours in [0, 1] of another size."""
    found = colours(pictures)
    if pictures.shape[-1] == size:
        return found
    found = F.interpolate(found, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
    return found.contiguous(memory_format=torch.channels_last)
