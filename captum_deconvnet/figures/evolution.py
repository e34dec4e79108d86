"""Evolution of features during training, as in Zeiler & Fergus, Fig. 4: a row a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.figures.heading import FONT_SIZE, LETTERING
from captum_deconvnet.figures.style import plainly

CELL = 1.1  # inches, as all lengths here
JUMP = "#D55E00"


@dataclass(frozen=True, eq=False)
class Moment:
    """The strongest activation of one map at one checkpoint.

    Args:
        projection: its tile, (size, size, 3).
        patch: the tile of what it saw, (size, size, 3).
        caption: its activation and contrast.
        jumped: whether another image was the strongest at the checkpoint before.
    """

    projection: NDArray[np.uint8]
    patch: NDArray[np.uint8]
    caption: str
    jumped: bool


@plainly
def evolution_figure(
    title: str, checkpoints: Sequence[str], rows: Sequence[tuple[str, Sequence[Moment]]]
) -> Figure:
    """Draw the strongest projection of each map, over the patch it saw, at each checkpoint.

    Args:
        title: one line over the figure.
        checkpoints: names, one a column.
        rows: each map's name with its moments, one a checkpoint.

    Returns:
        A figure that belongs to no window. A thick frame marks a jump.
    """
    width = max(CELL * (len(checkpoints) + 0.7), 4.0)
    height = 2.35 * CELL * len(rows) + 0.7
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    grid = figure.add_gridspec(
        2 * len(rows), len(checkpoints), left=0.6 * CELL / width, right=0.995, bottom=0.01,
        top=1 - 0.7 / height, wspace=0.06, hspace=0.12,
    )  # fmt: skip
    lines = (title, "projections over patches; a thick frame: another image than before")
    for number, line in enumerate(lines):
        figure.text(0.05 / width, 1 - (0.16 + 0.15 * number) / height, line, **LETTERING)
    for row, (name, moments) in enumerate(rows):
        for column, moment in enumerate(moments):
            for below, tile in enumerate((moment.projection, moment.patch)):
                axes = figure.add_subplot(grid[2 * row + below, column])
                axes.imshow(tile, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                edge, thickness = (JUMP, 2.0) if moment.jumped else ("#cccccc", 0.5)
                axes.spines[:].set(color=edge, linewidth=thickness)
                if not below:
                    head = f"{checkpoints[column]}\n" if row == 0 else ""
                    axes.set_title(head + moment.caption, pad=2, **LETTERING)
                if not column and not below:
                    axes.set_ylabel(name, fontsize=FONT_SIZE)
    return figure
