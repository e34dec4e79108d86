"""The table of a run: every explainer and score, its mean and how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_benchmarks.report.intervals import interval_of_mean
from captum_deconvnet_benchmarks.report.rows import Run, finite, parted

BY = ("model", "metric", "score", "explainer")


def summary(run: Run) -> pd.DataFrame:
    """One row a model, metric, score and explainer.

    Returns:
        Columns ``model``, ``metric``, ``score``, ``explainer``, ``control``, ``headline``,
        ``better`` (of headlines; of other scores rows do not say), ``mean``, ``low`` and ``high``
        (95 % bootstrap interval of the mean), ``median``, ``images`` and ``photographs`` (with a
        finite value), ``not_finite`` (images).
    """
    parts = parted(run.scores, BY)
    bar = tqdm(parts, desc="intervals", unit="mean", leave=False, disable=None)
    columns = [*BY, "control", "headline", "better", "mean", "low", "high", "median"]
    columns += ["images", "photographs", "not_finite"]
    return pd.DataFrame([_row(key, part) for key, part in bar], columns=columns)


def _row(key: tuple[str, ...], part: pd.DataFrame) -> dict[str, Any]:
    kept = finite(part)
    values, clusters = kept["value"].astype(np.float64), kept["cluster"]
    interval = interval_of_mean(values, clusters, *key)
    first = part.iloc[0]
    return {
        **dict(zip(BY, key, strict=True)),
        "control": first["control"],
        "headline": first["headline"],
        "better": first["better"] if first["headline"] else "",
        "mean": values.mean(),
        "low": interval.low,
        "high": interval.high,
        "median": values.median(),
        "images": len(kept),
        "photographs": clusters.nunique(),
        "not_finite": len(part) - len(kept),
    }
