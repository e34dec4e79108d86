"""How far metrics agree, as a matrix of rank correlations.

Critical-difference diagrams: mean ranks, and bars over those that cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import pandas as pd
import scikit_posthocs
from matplotlib.figure import Figure

from captum_deconvnet.pictures.style import plainly
from captum_deconvnet_benchmarks.report.plots.colours import LETTERING, colour, label
from captum_deconvnet_benchmarks.report.ranking import ALPHA, Friedman

MATRIX_CELL, MATRIX_MARGIN = 0.5, 1.9  # inches
DARK = 0.8
"""Of correlations above this the cell is so dark that its number is white."""


@plainly
def agreement_figure(correlations: pd.DataFrame, *, title: str) -> Figure:
    """Draw the correlations in numbers, on purple where metrics agree and on orange where not."""
    names = list(correlations.columns)
    side = MATRIX_CELL * len(names)
    figure = Figure(
        figsize=(side + MATRIX_MARGIN + 0.6, side + MATRIX_MARGIN), dpi=150, layout="constrained"
    )
    axes = figure.add_subplot()
    axes.imshow(correlations.to_numpy(dtype=float), cmap="PuOr", vmin=-1.4, vmax=1.4)
    for row, line in enumerate(correlations.to_numpy(dtype=float)):
        for column, value in enumerate(line):
            text = f"{value:.2f}" if np.isfinite(value) else "\N{EN DASH}"
            ink = "white" if value > DARK else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=7.5)
    axes.set_yticks(range(len(names)), names, fontsize=7.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", **LETTERING)
    return figure


DIAGRAM_WIDTH, DIAGRAM_LINE, DIAGRAM_MARGIN = 8.5, 0.2, 1.1  # inches


@plainly
def critical_difference_figure(
    ranks: pd.Series, found: Friedman, controls: Set[str], *, title: str
) -> Figure:
    """Draw Demsar's diagram (2006, Fig. 1).

    Args:
        ranks: the mean rank of each explainer.
        found: the tests of the same explainers.
        controls: the explainers to draw in grey.
        title: one line over the plot.
    """
    names = {name: label(name, control=name in controls) for name in ranks.index}
    colours = {names[name]: colour(name, control=name in controls) for name in ranks.index}
    height = DIAGRAM_MARGIN + DIAGRAM_LINE * (len(ranks) + 1) / 2 + 0.09 * len(ranks)
    figure = Figure(figsize=(DIAGRAM_WIDTH, height), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    scikit_posthocs.critical_difference_diagram(
        ranks.rename(names),
        found.pairs.rename(index=names, columns=names),
        alpha=ALPHA,
        ax=axes,
        color_palette=colours,
        label_fmt_left="{label}  {rank:.1f}",
        label_fmt_right="{rank:.1f}  {label}",
        label_props={"fontsize": 7.5},
        marker_props={"s": 12},
        elbow_props={"linewidth": 0.8},
        crossbar_props={"linewidth": 2.5, "color": "#444444"},
        text_h_margin=0.02,
    )
    axes.tick_params(labelsize=7)
    axes.set_title(title, loc="left", **LETTERING)
    return figure
