"""What was not measured, and why."""

from __future__ import annotations

import pandas as pd

from captum_deconvnet_benchmarks.report.rows import Run


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
