"""The plots of a report, drawn one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet_benchmarks.report.analysis import Analysis, MetricAnalysis, ModelAnalysis
from captum_deconvnet_benchmarks.report.plots import (
    agreement_figure,
    critical_difference_figure,
    curve_figure,
    interval_figure,
)

AXES = {
    "deletion_insertion": "share of pixels",
    "invariance": "amount of the transform",
    "randomisation": "share of layers with new weights",
    "road": "share of pixels",
}
"""What the curves of our metrics are over."""


def figures(analysis: Analysis) -> Iterator[tuple[str, Figure]]:
    """Each plot with the name of its file, without the ending."""
    for model in analysis.models:
        if bool(np.isfinite(off_diagonal(model)).any()):
            title = f"{model.model}: rank correlation between metrics, controls left out"
            yield (
                plot_name(model.model, "agreement"),
                agreement_figure(model.correlations, title=title),
            )
        for metric in model.metrics:
            yield from metric_figures(analysis, model.model, metric)
        yield from curve_figures(analysis, model.model)


def metric_figures(
    analysis: Analysis, model: str, each: MetricAnalysis
) -> Iterator[tuple[str, Figure]]:
    """The means of a metric's headline, and its critical-difference diagram."""
    table = analysis.summary
    rows = table[(table["model"] == model) & (table["metric"] == each.metric) & table["headline"]]
    if bool(np.isfinite(rows["mean"]).any()):
        title = f"{model}: {each.metric}, mean and 95 % interval"
        figure = interval_figure(rows, title=title, axis=str(rows["score"].iloc[0]))
        yield plot_name(model, each.metric, "means"), figure
    if each.friedman is not None:
        gap = each.friedman.critical_difference
        title = (
            f"{model}: {each.metric}, mean rank over {len(each.blocks.values)} photographs; "
            f"critical difference {gap:.2f}"
        )
        found = critical_difference_figure(
            each.ranks, each.friedman, analysis.run.controls, title=title
        )
        yield plot_name(model, each.metric, "critical-difference"), found


def curve_figures(analysis: Analysis, model: str) -> Iterator[tuple[str, Figure]]:
    """The mean curves of a model; one of a single place is a number, and the table has it."""
    own = analysis.curves[analysis.curves["model"] == model]
    for (metric, score), points in own.groupby(["metric", "score"], observed=True):
        if points["x"].nunique() > 1:
            title = f"{model}: {metric}, {score}, mean over {points['images'].max()} images"
            found = curve_figure(points, title=title, axis=AXES.get(str(metric), ""))
            yield plot_name(model, metric, score, "curve"), found


def plot_name(*parts: str) -> str:
    """The name of a plot's file, without the ending.

    >>> plot_name("offline/craft", "insertion", "means")
    'offline__craft-insertion-means'
    """
    return "-".join(parts).replace("/", "__").replace(" ", "_")


def off_diagonal(model: ModelAnalysis) -> NDArray[np.floating]:
    """The correlations of different metrics."""
    values: NDArray[np.floating] = model.correlations.to_numpy(dtype=float)
    return values[~np.eye(len(values), dtype=bool)]
