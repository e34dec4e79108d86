"""The kinds of plots in a report: numbers in, a matplotlib figure out.

An explainer has the colour of its family in every plot; controls are grey.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scikit_posthocs
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.pictures.style import in_plain_style
from captum_deconvnet_benchmarks.report.ranking import ALPHA, Friedman


@dataclass(frozen=True)
class Family:
    """Explainers that work alike.

    Args:
        name: what legends call it.
        colour: one of Okabe and Ito's, which readers with any colour vision can tell apart.
        words: a name that has one of these words in it belongs here.
    """

    name: str
    colour: str
    words: tuple[str, ...]


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
    return next(each for each in FAMILIES if any(word in explainer for word in each.words))


def colour(explainer: str, *, control: bool) -> str:
    """The colour that an explainer has in every plot."""
    return CONTROL if control else family(explainer).colour


def label(explainer: str, *, control: bool) -> str:
    """An explainer's name; controls are marked, for those who do not see the grey."""
    return f"({explainer})" if control else explainer


MEANS_WIDTH, MEANS_LINE, MEANS_MARGIN = 7.0, 0.21, 0.9  # inches
ARROWS = {
    "higher": "higher is better \N{RIGHTWARDS ARROW}",
    "lower": "\N{LEFTWARDS ARROW} lower is better",
}


@in_plain_style
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
    for height, row in enumerate(shown.itertuples()):
        ink = colour(row.explainer, control=row.control)
        axes.plot([row.low, row.high], [height, height], color=ink, linewidth=2, alpha=0.55)
        axes.plot(row.mean, height, "o", color=ink, markersize=4.5)
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


@in_plain_style
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
    for name, height in zip(heights.index, spread(heights.to_numpy(), low, high), strict=True):
        control = name in controls
        ink = colour(name, control=control)
        axes.annotate(
            label(name, control=control),
            xy=(widest, heights[name]),
            xytext=(right + NAMES * (right - left), height),
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


MATRIX_CELL, MATRIX_MARGIN = 0.5, 1.9  # inches
DARK = 0.8
"""Of correlations above this the cell is so dark that its number is white."""


@in_plain_style
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


@in_plain_style
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
