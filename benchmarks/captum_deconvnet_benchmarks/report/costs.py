"""What the units of a run cost."""

from __future__ import annotations

import pandas as pd

from captum_deconvnet_benchmarks.report.rows import Run

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
