"""Can the net learn one small batch by heart? If not, it can learn nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_zfnet.health.finding import Finding

COUNT, STEPS, TARGET = 32, 400, 0.1
RATE = 3e-4


def check_overfit(
    net: nn.Module, pictures: Tensor, labels: Tensor, *, show_progress: bool = False
) -> Iterator[Finding]:
    """Train a copy of the net, without dropout, on 32 pictures until its loss is below 0.1.

    Adam is used (Kingma & Ba 2015), so that the net and its loss are tried, not the recipe.

    Args:
        net: as it starts; it is not touched.
        pictures: (N, C, H, W), of which the first 32 are used.
        labels: (N,).
        show_progress: whether to show a bar.
    """
    pupil = copy.deepcopy(net).train()
    for module in pupil.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    pictures, labels = pictures[:COUNT], labels[:COUNT]
    optimizer = torch.optim.Adam(pupil.parameters(), RATE)
    loss = torch.tensor(torch.inf)
    for _ in tqdm(
        range(STEPS), "overfitting one batch", disable=None if show_progress else True, leave=False
    ):
        loss = F.cross_entropy(pupil(pictures), labels)
        if not loss >= TARGET:
            break
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    if not loss < TARGET:
        yield Finding(
            "overfit one batch",
            f"after {STEPS} steps on {len(labels)} pictures alone the loss is {loss.item():.4g}, "
            f"and less than {TARGET} was expected: the net or its loss is broken, or two equal "
            "pictures have two labels.",
        )
