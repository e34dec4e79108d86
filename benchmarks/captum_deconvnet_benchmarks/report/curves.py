"""Curves of a run, such as those of deletion and insertion: their means over images."""

from __future__ import annotations

import pandas as pd

from captum_deconvnet_benchmarks.report.rows import Run, finite

BY = ["model", "metric", "score", "explainer", "control", "step", "x"]


def mean_curves(run: Run) -> pd.DataFrame:
    """One row a point of a mean curve: the columns ``BY``, ``mean`` and ``images``."""
    groups = finite(run.steps).groupby(BY, observed=True)["value"]
    found: pd.DataFrame = groups.agg(mean="mean", images="count").reset_index()
    return found
