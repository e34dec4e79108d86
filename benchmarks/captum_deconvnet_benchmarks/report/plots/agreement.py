"""How far metrics agree, as a matrix of rank correlations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from captum_deconvnet.figures.style import plainly
from captum_deconvnet_benchmarks.report.plots.colours import LETTERING

CELL, MARGIN = 0.5, 1.9  # inches
DARK = 0.8
"""Of correlations above this the cell is so dark that its number is white."""


@plainly
def agreement_figure(correlations: pd.DataFrame, *, title: str) -> Figure:
    """Draw the correlations in numbers, on purple where metrics agree and on orange where not."""
    names = list(correlations.columns)
    side = CELL * len(names)
    figure = Figure(figsize=(side + MARGIN + 0.6, side + MARGIN), dpi=150, layout="constrained")
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
