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
    planned = run.facts.get("units", [])
    names = [each["unit"] if isinstance(each, dict) else str(each) for each in planned]
    return sorted(set(names) - set(run.rows["unit"]))
