"""Curves under strips of transformed pictures, a column a transform: Zeiler & Fergus, Fig. 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.pictures.display import rgb
from captum_deconvnet.pictures.style import in_plain_style

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":", "-.")
COLUMN = 3.4  # inches, as all lengths here
CURVES = 1.75
STRIP = 0.62  # of one image
GAP = 0.5
LETTERING: dict[str, Any] = {"fontsize": 7, "color": "#222222"}

Picture = NDArray[np.floating]


@dataclass(frozen=True)
class CurvePanel:
    """One set of curves over the values of a transform.

    Args:
        label: of the upright axis.
        curves: (images, values); not finite where there is nothing to draw.
        band: lower and upper end of the mean's confidence band, (2, values), if it is drawn.
        top: of the upright axis; None for what the curves need.
    """

    label: str
    curves: NDArray[np.floating]
    band: NDArray[np.floating] | None = None
    top: float | None = None


@dataclass(frozen=True)
class TransformColumn:
    """One transform.

    Args:
        title: its name.
        unit: of its values.
        values: (V,).
        shown: the values of the pictures in the strips.
        strips: for every image the pictures at those values, each (H, W, C) in [0, 1].
        panels: from top to bottom, as many as in every other column.
    """

    title: str
    unit: str
    values: NDArray[np.floating]
    shown: Sequence[float]
    strips: Sequence[Sequence[Picture]]
    panels: Sequence[CurvePanel]


@in_plain_style
def invariance_figure(
    columns: Sequence[TransformColumn], names: Sequence[str], *, title: str
) -> Figure:
    """Draw every transform's pictures over its curves.

    Panels of one row share their upright axis, so that transforms can be compared. With several
    images their mean is drawn in black over its confidence band.

    Args:
        columns: one a transform.
        names: one an image, for the legend.
        title: one line over the figure.

    Returns:
        A figure that belongs to no window: save it with ``figure.savefig``.
    """
    rows = len(columns[0].panels)
    heights = [STRIP * len(names), *[CURVES] * rows]
    size = (COLUMN * len(columns) + 0.4, sum(heights) + GAP * rows + 1.2)
    figure = Figure(figsize=size, dpi=160, facecolor="white", layout="constrained")
    figure.suptitle(title, fontsize=8, weight="bold", color="#222222")
    grid = figure.add_gridspec(1 + rows, len(columns), height_ratios=heights)
    for index, column in enumerate(columns):
        draw_strips(figure.add_subplot(grid[0, index]), column)
        for row, panel in enumerate(column.panels, start=1):
            axes = figure.add_subplot(grid[row, index])
            draw_curves(axes, column, panel, names)
            axes.set_ylim(0, upper_limit([each.panels[row - 1] for each in columns]))
    axes = figure.axes[1]
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7
    )
    return figure


def draw_strips(axes: Axes, column: TransformColumn) -> None:
    """The transformed pictures, an image a row, with their values under them."""
    strips = [np.concatenate([rgb(each) for each in strip], axis=1) for strip in column.strips]
    axes.imshow(np.concatenate(strips), aspect="equal")
    width = column.strips[0][0].shape[1]
    places = [width * (number + 0.5) - 0.5 for number in range(len(column.shown))]
    axes.set_xticks(places, [f"{value:g}" for value in column.shown])
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=6)
    axes.spines[:].set_visible(False)
    axes.set_title(column.title, **LETTERING)


def draw_curves(
    axes: Axes, column: TransformColumn, panel: CurvePanel, names: Sequence[str]
) -> None:
    """One curve an image, and the mean of several."""
    order = np.argsort(column.values, kind="stable")
    values = column.values[order]
    for number, (name, curve) in enumerate(zip(names, panel.curves, strict=True)):
        style = STYLES[number // len(COLOURS) % len(STYLES)]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(values, curve[order], style, color=colour, linewidth=1, label=name)
    if panel.band is not None:
        low, high = panel.band[:, order]
        axes.fill_between(values, low, high, color="#888888", alpha=0.25, linewidth=0)
        mean = panel.curves.mean(0)[order]
        axes.plot(values, mean, color="black", linewidth=1.8, label="mean, 95 % band")
    axes.set_xlabel(column.unit, **LETTERING)
    axes.set_ylabel(panel.label, **LETTERING)
    axes.tick_params(labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.4)


def upper_limit(panels: Sequence[CurvePanel]) -> float:
    """A common end for the upright axes of a row of panels."""
    given = [panel.top for panel in panels if panel.top is not None]
    if given:
        return max(given)
    heights = np.concatenate([panel.curves.ravel() for panel in panels])
    finite = heights[np.isfinite(heights)]
    return 1.05 * float(finite.max()) if finite.size and finite.max() > 0 else 1.0
