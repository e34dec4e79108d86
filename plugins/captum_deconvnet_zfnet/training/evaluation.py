"""How often a net is right, and its loss, on the central crops of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_zfnet.data.batches import in_order, read
from captum_deconvnet_zfnet.data.crops import central_crop
from captum_deconvnet_zfnet.data.pictures import Pictures

BATCH = 250


@dataclass(frozen=True)
class Score:
    """What a net makes of a set of pictures.

    Args:
        loss: mean cross-entropy.
        right: pictures whose class is the largest logit.
        count: pictures.
    """

    loss: float
    right: int
    count: int

    @property
    def error(self) -> float:
        """Share of pictures that are classified wrong, in [0, 1]."""
        return 1 - self.right / self.count


@torch.no_grad()
def evaluate(
    net: nn.Module,
    pictures: Pictures,
    size: int,
    *,
    device: torch.device | None = None,
    workers: int = 0,
    show_progress: bool = False,
) -> Score:
    """Score a net that is in eval mode.

    Args:
        net: from pictures (N, C, size, size) to logits.
        pictures: labelled.
        size: side of the crops, in pixels.
        device: where the net is; by default the CPU.
        workers: processes that read ahead.
        show_progress: whether to show a bar.
    """
    loss, right = 0.0, 0
    order = in_order(len(pictures), BATCH)
    batches = read(pictures, order, workers)
    for batch, labels in tqdm(
        batches, "evaluating", len(order), disable=None if show_progress else True, leave=False
    ):
        logits, labels = net(central_crop(batch, size).to(device)), labels.to(device)
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        right += int((logits.argmax(dim=1) == labels).sum())
    return Score(loss / len(pictures), right, len(pictures))
