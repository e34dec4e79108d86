"""Trust checks of projections: a row a unit, each changed projection beside the unchanged one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.figures.contrast import stretch
from captum_deconvnet.figures.heading import LETTERING
from captum_deconvnet.figures.projections import caption, show
from captum_deconvnet.figures.style import plainly

CELL = 1.45  # inches
CAPTION = 0.4
HEADER = 0.3
PERCENTILE = 99.5


@dataclass(frozen=True, eq=False)
class CheckRow:
    """One unit.

    Args:
        title: which; up to two lines.
        patch: what it saw, (h, w, C) in [0, 1].
        projection: of the unit, (h, w, C), signed.
        changed: the changed projections by their captions.
    """

    title: str
    patch: NDArray[np.floating]
    projection: NDArray[np.floating]
    changed: Mapping[str, NDArray[np.floating]]


@plainly
def checks_figure(title: str, rows: Sequence[CheckRow]) -> Figure:
    """Draw the checks of some units; every projection is stretched by its own factor."""
    columns = 2 + len(rows[0].changed)
    width, height = CELL * columns + 0.2, len(rows) * (CELL + CAPTION) + HEADER
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    grid = figure.add_gridspec(
        len(rows), columns, left=0.1 / width, right=1 - 0.1 / width, bottom=0.02 / height,
        top=1 - (HEADER + CAPTION) / height, wspace=0.05, hspace=CAPTION / CELL,
    )  # fmt: skip
    figure.text(0.1 / width, 1 - 0.16 / height, title, weight="bold", **LETTERING)
    for number, row in enumerate(rows):
        pictures = {"projection": row.projection, **row.changed}
        axes = figure.add_subplot(grid[number, 0])
        show(axes, row.patch)
        caption(axes, row.title)
        for place, (text, picture) in enumerate(pictures.items(), start=1):
            axes = figure.add_subplot(grid[number, place])
            show(axes, stretch(picture, PERCENTILE)[0])
            caption(axes, text)
    return figure
