"""Checks while a run goes on: does it explode, does it learn?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from captum_deconvnet_zfnet.health.finding import Finding
from captum_deconvnet_zfnet.training.recipe import BATCH

EXPLOSION = 10
"""Times ln C: no run comes back from such a loss."""

EPOCHS, STEPS, SHARE = 3, 1000, 0.9
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
    return max(EPOCHS, math.ceil(STEPS / steps))


def learned(lowest_loss: float, classes: int) -> bool:
    """Whether a training loss is below 0.9 ln C: better than knowing nothing."""
    return lowest_loss < SHARE * math.log(classes)


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
            f"the training loss is {lowest_loss:.4g} after {epoch} epochs, and less than {SHARE} "
            f"ln {classes} = {SHARE * math.log(classes):.4g} was expected; change the learning "
            "rate, or the weights it starts from.",
        )
