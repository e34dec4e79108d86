"""An explainer: what gives each image a map of what its class owes to each pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import Tensor, nn

from captum_deconvnet_benchmarks.protocol.subject import Subject

Attribute: TypeAlias = Callable[..., Tensor]
"""``(subject, inputs (N, C, H, W), target (N,), a seed an image, **parameters)``, which gives
maps (N, C or 1, H, W)."""

Unfit: TypeAlias = Callable[[Subject], "str | None"]
"""Why this subject cannot be explained so; ``None`` if it can."""


def always_fit(subject: Subject) -> None:
    """Any subject will do."""


@dataclass(frozen=True)
class Explainer:
    """One row of the table of explainers.

    Args:
        name: what the tables call it.
        attribute: computes the maps; each row of the result depends on that image, its target and
            its seed alone.
        control: whether it is there to be beaten (random, constant, edges).
        stochastic: whether the seeds matter.
        unfit: why a subject cannot be explained so; such pairs are skipped with the reason.
        parameters: every choice that moves a number, as JSON has it, with its default;
            ``attribute`` is called with them.
        version: raise it when the same parameters give other numbers.
    """

    name: str
    attribute: Attribute
    control: bool = False
    stochastic: bool = False
    unfit: Unfit = always_fit
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True)
class BoundExplainer:
    """An explainer with the subject it explains: what a metric is given."""

    explainer: Explainer
    subject: Subject

    def __call__(self, inputs: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
        """Maps (N, C or 1, H, W) of images (N, C, H, W) for their targets (N,)."""
        explainer = self.explainer
        return explainer.attribute(self.subject, inputs, target, seeds, **explainer.parameters)

    def on(self, model: nn.Module) -> BoundExplainer:
        """The same explainer of another net of the same structure, such as a randomised one."""
        return BoundExplainer(self.explainer, self.subject.with_model(model))
