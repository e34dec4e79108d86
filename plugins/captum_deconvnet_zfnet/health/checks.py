"""Checks of a net that learns: how it starts, whether it can learn, and whether it does.

A check returns findings; those that are fatal stop the run.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.errors import TrainingError
from captum_deconvnet_zfnet.training.plan import BATCH


@dataclass(frozen=True)
class Finding:
    """One thing that dooms a run.

    Args:
        check: the check's name.
        trouble: what it saw, what it expected, and what to do.
    """

    check: str
    trouble: str

    def __str__(self) -> str:
        """The line a user reads."""
        return f"{self.check}: {self.trouble}"


def stop_on(findings: Iterable[Finding]) -> None:
    """Stop the run if anything was found.

    Raises:
        TrainingError: names every finding.
    """
    lines = [str(finding) for finding in findings]
    if lines:
        raise TrainingError(f"This run cannot learn. {' | '.join(lines)}")


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


EXPLOSION = 10
"""Times ln C: no run comes back from such a loss."""

WATCHED_EPOCHS, WATCHED_STEPS, LOSS_SHARE = 3, 1000, 0.9
"""After so many epochs, and so many steps, the training loss must be below that share of ln C."""


def check_step(
    loss: float, *, step: int, classes: int, learning_rate: float, batch: int
) -> Iterator[Finding]:
    """Look at the loss of one batch.

    Args:
        loss: of the batch.
        step: counted from 1.
        classes: how many there are.
        learning_rate: in use.
        batch: pictures in it.
    """
    if not loss <= EXPLOSION * math.log(classes):
        yield Finding(
            "divergence",
            f"the loss is {loss:.4g} at step {step}, where ln {classes} = "
            f"{math.log(classes):.4g} is knowing nothing: a learning rate of {learning_rate:g} is "
            f"too high for batches of {batch}; the linear rule gives {0.01 * batch / BATCH:.2g}.",
        )


def first_epochs(steps: int) -> int:
    """How many epochs of that many steps a run has to show that it learns."""
    return max(WATCHED_EPOCHS, math.ceil(WATCHED_STEPS / steps))


def learned(lowest_loss: float, classes: int) -> bool:
    """Whether a training loss is below 0.9 ln C: better than knowing nothing."""
    return lowest_loss < LOSS_SHARE * math.log(classes)


def check_epoch(lowest_loss: float, *, epoch: int, steps: int, classes: int) -> Iterator[Finding]:
    """Look at the lowest training loss of an epoch so far.

    Args:
        lowest_loss: mean over an epoch's batches, the best yet.
        epoch: that ended, counted from 1.
        steps: batches of an epoch.
        classes: how many there are.
    """
    if epoch == first_epochs(steps) and not learned(lowest_loss, classes):
        yield Finding(
            "learning",
            f"the training loss is {lowest_loss:.4g} after {epoch} epochs, and less than "
            f"{LOSS_SHARE} ln {classes} = {LOSS_SHARE * math.log(classes):.4g} was expected; "
            "change the learning rate, or the weights it starts from.",
        )
