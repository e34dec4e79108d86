"""Means with their intervals, an explainer a line, the best on top.

Mean curves, one an explainer, each with its name at its end.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.pictures.style import plainly
from captum_deconvnet_benchmarks.report.plots.colours import LETTERING, colour, label

MEANS_WIDTH, MEANS_LINE, MEANS_MARGIN = 7.0, 0.21, 0.9  # inches
ARROWS = {
    "higher": "higher is better \N{RIGHTWARDS ARROW}",
    "lower": "\N{LEFTWARDS ARROW} lower is better",
}


@plainly
def interval_figure(rows: pd.DataFrame, *, title: str, axis: str) -> Figure:
    """Draw one score of all explainers of a model.

    Args:
        rows: of ``summary``; those without a mean are left out.
        title: one line over the plot.
        axis: what the score is.

    Returns:
        A figure that belongs to no window.
    """
    better = str(rows["better"].iloc[0])
    shown = rows[np.isfinite(rows["mean"])]
    shown = shown.sort_values("mean", ascending=better != "lower", kind="stable")
    figure = Figure(
        figsize=(MEANS_WIDTH, MEANS_MARGIN + MEANS_LINE * max(len(shown), 1)),
        dpi=150,
        layout="constrained",
    )
    axes = figure.add_subplot()
    for place, row in enumerate(shown.itertuples()):
        ink = colour(row.explainer, control=row.control)
        axes.plot([row.low, row.high], [place, place], color=ink, linewidth=2, alpha=0.55)
        axes.plot(row.mean, place, "o", color=ink, markersize=4.5)
    names = [label(row.explainer, control=row.control) for row in shown.itertuples()]
    axes.set_yticks(range(len(shown)), names, fontsize=7.5)
    for tick, row in zip(axes.get_yticklabels(), shown.itertuples(), strict=True):
        tick.set_color(colour(row.explainer, control=row.control))
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_title(title, loc="left", **LETTERING)
    axes.set_xlabel("   ".join(filter(None, (axis, ARROWS.get(better)))), **LETTERING)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.5)
    return figure


CURVES_WIDTH, CURVES_LINE, CURVES_HEIGHT = 7.5, 0.2, 3.4  # inches
NAMES = 0.06
"""How far right of the curves their names stand, as a share of the width."""


@plainly
def curve_figure(points: pd.DataFrame, *, title: str, axis: str = "") -> Figure:
    """Draw the mean curves of one score on one model.

    Args:
        points: of ``mean_curves``, of one model and score.
        title: one line over the plot.
        axis: what the curves are over.
    """
    curves = points.pivot_table(values="mean", index="x", columns="explainer")
    controls = set(points.loc[points["control"], "explainer"])
    height = max(CURVES_HEIGHT, CURVES_LINE * curves.shape[1] + 0.6)
    figure = Figure(figsize=(CURVES_WIDTH, height), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for name in curves.columns:
        control = name in controls
        ink = colour(name, control=control)
        style = "--" if control else "-"
        axes.plot(curves.index, curves[name], style, color=ink, linewidth=1.1, alpha=0.85)
    name_curves(axes, curves, controls)
    axes.set_title(title, loc="left", **LETTERING)
    axes.set_xlabel(axis, fontsize=7)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.5)
    return figure


def name_curves(axes: Axes, curves: pd.DataFrame, controls: Set[str]) -> None:
    """Write each curve's name at the right, with a line to where the curves lie widest apart."""
    known = curves.dropna() if curves.notna().all(axis=1).any() else curves
    widest = known.std(axis=1).fillna(0).idxmax()
    heights = curves.loc[widest].dropna()
    left, right = curves.index.min(), curves.index.max()
    low, high = axes.get_ylim()
    for name, place in zip(heights.index, spread(heights.to_numpy(), low, high), strict=True):
        control = name in controls
        ink = colour(name, control=control)
        axes.annotate(
            label(name, control=control),
            xy=(widest, heights[name]),
            xytext=(right + NAMES * (right - left), place),
            color=ink,
            fontsize=7,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": ink, "linewidth": 0.4, "alpha": 0.6, "relpos": (0, 0.5),
            },
        )  # fmt: skip


def spread(heights: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    """Places for names: in the order of the heights, evenly from ``low`` to ``high``.

    >>> spread(np.array([0.9, 0.1, 0.2]), 0.0, 1.0).tolist()
    [1.0, 0.0, 0.5]
    """
    order = np.argsort(np.argsort(heights, kind="stable"), kind="stable")
    places: NDArray[np.floating] = low + (high - low) * order / max(len(heights) - 1, 1)
    return places
