"""Recipes as data: the paper's way to train, and the way that has become usual."""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.errors import unknown_name

BATCH = 128
"""The paper's; recipes give their learning rate for it."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Args:
        start: how weights start; see ``start.STARTS``.
        scale: what colours become; see ``statistics.SCALES``.
        schedule: how the learning rate falls; see ``schedule.SCHEDULES``.
        epochs: passes over the training set.
        learning_rate: for a batch of 128; it is scaled in proportion for others.
        momentum: of stochastic gradient descent.
        weight_decay: on all weights.
        renormalise: the largest root mean square a convolution's filter may have, or ``None``.
        clip: the largest norm of the gradient, or ``None``.
        label_smoothing: share of the target spread over all classes.
        smallest_area: of a random crop, as a share of the picture; ``None`` for plain crops.
    """

    start: str
    scale: str
    schedule: str
    epochs: int
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    renormalise: float | None = None
    clip: float | None = None
    label_smoothing: float = 0.0
    smallest_area: float | None = None

    def rate_for(self, batch: int) -> float:
        """The learning rate for batches of that many pictures (linear rule)."""
        return self.learning_rate * batch / BATCH


RECIPES = {
    "paper": Recipe(
        start="gaussian",
        scale="mean image",
        schedule="plateau",
        epochs=70,
        renormalise=0.1,
    ),
    "modern": Recipe(
        start="he",
        scale="mean and deviation",
        schedule="cosine",
        epochs=90,
        clip=5.0,
        label_smoothing=0.1,
        smallest_area=0.35,
    ),
}
"""``paper``: Zeiler & Fergus 2014, section 3, with Krizhevsky's weight decay."""


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES, f"Known: {', '.join(RECIPES)}.")
    return RECIPES[name]
