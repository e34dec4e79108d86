"""Means with their intervals, an explainer a line, the best on top."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from captum_deconvnet.figures.style import plainly
from captum_deconvnet_benchmarks.report.plots.colours import LETTERING, colour, label

WIDTH, LINE, MARGIN = 7.0, 0.21, 0.9  # inches
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
        figsize=(WIDTH, MARGIN + LINE * max(len(shown), 1)), dpi=150, layout="constrained"
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
