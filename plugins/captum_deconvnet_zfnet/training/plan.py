"""Recipes as data, and the plan of a run: all that decides its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from captum_deconvnet.errors import unknown_name
from captum_deconvnet_zfnet.architecture import Architecture
from captum_deconvnet_zfnet.network import architecture_named

BATCH = 128
"""The paper's; recipes give their learning rate for it."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Args:
        start: how weights start; see ``beginning.STARTS``.
        scale: what colours become; see ``batches.SCALES``.
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


@dataclass(frozen=True)
class Plan:
    """The settings of one run.

    Args:
        net: name of an architecture.
        recipe: name of a recipe.
        data: the data set's folder.
        classes: how many of its classes; ``None`` for all.
        epochs: in place of the recipe's.
        batch: pictures a step, over all processes.
        learning_rate: in place of the recipe's.
        smallest_area: in place of the recipe's; 0 for plain crops.
        seed: of weights, order, crops and dropout.
        mixed: whether to compute in 16 bits where that is safe; ``None`` on a GPU only.
    """

    net: str = "compact"
    recipe: str = "modern"
    data: str = ""
    classes: int | None = None
    epochs: int | None = None
    batch: int = BATCH
    learning_rate: float | None = None
    smallest_area: float | None = None
    seed: int = 0
    mixed: bool | None = None

    def architecture(self) -> Architecture:
        """The architecture itself."""
        return architecture_named(self.net)

    def settled(self) -> Recipe:
        """The recipe, with what the plan puts in its place; its rate is for the plan's batch."""
        recipe = recipe_named(self.recipe)
        area = recipe.smallest_area if self.smallest_area is None else self.smallest_area
        return replace(
            recipe,
            epochs=self.epochs or recipe.epochs,
            learning_rate=self.learning_rate or recipe.rate_for(self.batch),
            smallest_area=area or None,
        )

    def facts(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)
