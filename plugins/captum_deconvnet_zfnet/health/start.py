"""Checks of a net before its first step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet_zfnet.health.finding import Finding

LOSS_TOLERANCE = 0.05
"""Of ln C: a net that knows nothing should be that near to it."""

EQUAL = 1e-6
"""Filters that differ by less than this share of their size are one filter."""


def check_start(net: nn.Module, pictures: Tensor, labels: Tensor, classes: int) -> list[Finding]:
    """Look at a net before it learns; the net is left as found.

    Args:
        net: from pictures to logits.
        pictures: (N, C, H, W), as the net takes them.
        labels: (N,).
        classes: how many there are.
    """
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            logits = net(pictures).float()
    finally:
        net.train(training)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: equal_filters(net),
        lambda: not_logits(logits),
        lambda: loss_at_start(logits, labels, classes),
    )
    return [finding for check in checks for finding in check()]


def equal_filters(net: nn.Module) -> Iterator[Finding]:
    """Filters of one layer that are all the same stay so for ever."""
    for path, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and len(module.weight) > 1:
            weight = module.weight.detach()
            spread = float((weight - weight[:1]).abs().max())
            if spread <= EQUAL * float(weight.abs().max()):
                yield Finding(
                    "filters differ",
                    f"all {len(weight)} filters of {path} are equal, so their gradients are too "
                    "and they will stay equal; start from random weights, not from a constant.",
                )


def not_logits(logits: Tensor) -> Iterator[Finding]:
    """A softmax before the cross-entropy, which has its own, lets gradients vanish."""
    sums_to_one = torch.allclose(logits.sum(dim=1), torch.ones(len(logits)).to(logits), atol=1e-3)
    if sums_to_one and bool((logits >= 0).all()):
        yield Finding(
            "logits",
            "the net ends in a softmax, and the loss has one too (double softmax): gradients "
            "vanish as it saturates; return the logits.",
        )


def loss_at_start(logits: Tensor, labels: Tensor, classes: int) -> Iterator[Finding]:
    """A net that knows nothing has the loss ln C."""
    loss, expected = float(F.cross_entropy(logits, labels)), math.log(classes)
    if not abs(loss - expected) <= LOSS_TOLERANCE * expected:
        yield Finding(
            "loss at start",
            f"it is {loss:.4g}, and ln {classes} = {expected:.4g} was expected; start the last "
            "layer from smaller weights (standard deviation 0.01).",
        )
