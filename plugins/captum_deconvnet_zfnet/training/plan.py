"""What a run was asked to be: all that decides its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from captum_deconvnet_zfnet.architecture import Architecture
from captum_deconvnet_zfnet.network import architecture_named
from captum_deconvnet_zfnet.training.recipe import BATCH, Recipe, recipe_named


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
