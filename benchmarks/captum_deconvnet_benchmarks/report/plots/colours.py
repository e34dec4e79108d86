"""One colour a family of explainers; controls are grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Family:
    """Explainers that work alike.

    Args:
        name: what legends call it.
        colour: one of Okabe and Ito's, which readers with any colour vision can tell apart.
        parts: a name that has one of these in it belongs here.
    """

    name: str
    colour: str
    parts: tuple[str, ...]


FAMILIES = (
    Family("guided", "#CC79A7", ("guided",)),
    Family("deconvnet", "#0072B2", ("deconv", "adjoint")),
    Family("class activation maps", "#B8860B", ("cam",)),
    Family("gradient", "#D55E00", ("grad", "saliency", "lift", "input-x")),
    Family("covering", "#009E73", ("occlusion", "ablation", "lime", "rise")),
    Family("others", "#000000", ("",)),
)
"""The first that fits is an explainer's family."""
CONTROL = "#8A8A8A"
LETTERING: dict[str, Any] = {"fontsize": 8, "color": "#222222"}


def family(explainer: str) -> Family:
    """The family of an explainer, by its name.

    >>> family("captum/guided-grad-cam").name, family("captum/smooth-grad").name
    ('guided', 'gradient')
    """
    return next(each for each in FAMILIES if any(part in explainer for part in each.parts))


def colour(explainer: str, *, control: bool) -> str:
    """The colour that an explainer has in every plot."""
    return CONTROL if control else family(explainer).colour


def label(explainer: str, *, control: bool) -> str:
    """An explainer's name; controls are marked, for those who do not see the grey."""
    return f"({explainer})" if control else explainer
