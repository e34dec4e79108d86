"""What was not measured, and why.

What the units of a run cost.

Curves of a run, such as those of deletion and insertion: their means over images.
"""

from __future__ import annotations

import pandas as pd

from captum_deconvnet_benchmarks.report.rows import Run, finite


def outcomes(run: Run) -> pd.DataFrame:
    """Skipped and failed pairs.

    Returns:
        Columns ``model``, ``explainer``, ``metric``, ``status``, ``reason``, ``units``, and
        ``images``, those of the same pair that were measured all the same.
    """
    by = ["model", "explainer", "metric"]
    lost = run.rows[run.rows["status"] != "ok"]
    counts = lost.groupby([*by, "status", "reason"], observed=True)["unit"].nunique()
    found = counts.rename("units").reset_index()
    measured = run.scores.groupby(by, observed=True)["image"].nunique().rename("images")
    joined: pd.DataFrame = found.join(measured, on=by)
    return joined.assign(images=joined["images"].fillna(0).astype(int))


def missing_units(run: Run) -> list[str]:
    """The units that were planned and have no row."""
    planned = {str(unit["address"]) for unit in run.facts.get("units", [])}
    return sorted(planned - set(run.rows["unit"]))


COLUMNS = [
    "model", "explainer", "metric", "images", "seconds_an_image", "forward_passes_an_image",
    "backward_passes_an_image", "peak_megabytes", "units",
]  # fmt: skip


def costs(run: Run) -> pd.DataFrame:
    """One row a model, explainer and metric.

    Returns:
        The columns ``COLUMNS``: the median unit's seconds an image, passes an image over all
        units, and the highest peak of memory. Where the metric is empty: making the maps.
    """
    if run.costs.empty:
        return pd.DataFrame(columns=COLUMNS)
    units = run.costs[run.costs["images"] > 0]
    units = units.assign(each=units["seconds"] / units["images"])
    groups = units.groupby(["model", "explainer", "metric"], observed=True)
    totals = groups[["images", "forward_passes", "backward_passes"]].sum()
    found = totals.assign(
        seconds_an_image=groups["each"].median(),
        forward_passes_an_image=totals["forward_passes"] / totals["images"],
        backward_passes_an_image=totals["backward_passes"] / totals["images"],
        peak_megabytes=groups["peak_bytes"].max() / 1e6,
        units=groups.size(),
    )
    return found.reset_index()[COLUMNS]


BY = ["model", "metric", "score", "explainer", "control", "step", "x"]


def mean_curves(run: Run) -> pd.DataFrame:
    """One row a point of a mean curve: the columns ``BY``, ``mean`` and ``images``."""
    groups = finite(run.steps).groupby(BY, observed=True)["value"]
    found: pd.DataFrame = groups.agg(mean="mean", images="count").reset_index()
    return found
