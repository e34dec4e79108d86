"""The lines over a figure: its title, and what has to be said of it, cut to its width."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

FONT_SIZE = 6.5  # points
LETTERING: dict[str, Any] = {"family": "monospace", "fontsize": FONT_SIZE, "color": "#222222"}
LETTER = 0.602 * FONT_SIZE / 72  # inches, as all lengths here
FIRST = 0.16
LINE = 0.13


def heading(title: str, notes: Sequence[str], width: float) -> list[str]:
    """The lines of a heading over a figure of that width."""
    room = max(int(width / LETTER) - 3, 20)
    return [line for text in (title, *notes) for line in textwrap.wrap(text, room) or [""]]


def height_of(lines: Sequence[str]) -> float:
    """How much higher a figure is for lines after the first."""
    return LINE * max(len(lines) - 1, 0)


def draw_heading(figure: Figure, lines: Sequence[str], left: float) -> None:
    """Write the lines at the top of a figure, the first one in bold."""
    width, height = figure.get_size_inches()
    for number, line in enumerate(lines):
        weight = "normal" if number else "bold"
        place = (left / width, 1 - (FIRST + LINE * number) / height)
        figure.text(*place, line, weight=weight, **LETTERING)
