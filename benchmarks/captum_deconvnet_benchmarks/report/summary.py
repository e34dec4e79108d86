"""Bootstrap intervals of means, by photograph.

The table of a run: every explainer and score, its mean and how sure that is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_benchmarks.protocol.randomness import seed_of
from captum_deconvnet_benchmarks.report.rows import Run, finite, parted

FEWEST_PHOTOGRAPHS = 6
"""With fewer, a two-sided signed-rank test cannot reach 0.05, and no interval is worth its ink."""
RESAMPLES = 10_000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


NO_INTERVAL = Interval(np.nan, np.nan)


def interval_of_mean(
    values: pd.Series, clusters: pd.Series, *identity: str, resamples: int = RESAMPLES
) -> Interval:
    """The 95 % bootstrap interval of a mean over images, whole photographs drawn at once.

    Images that were cut from one photograph say much the same. Drawing photographs, not images,
    keeps the interval from shrinking with their number (Davison and Hinkley 1997, section 3.8).
    The ends are bias-corrected and accelerated (Efron 1987), as ``scipy.stats.bootstrap`` has them.

    Args:
        values: one finite value an image.
        clusters: the photograph that each image was cut from.
        identity: what the interval is of; seeds the draws.
        resamples: how many draws.

    Returns:
        Its ends; NaN with fewer than ``FEWEST_PHOTOGRAPHS`` photographs.
    """
    groups = values.groupby(clusters.to_numpy())
    totals, counts = groups.sum().to_numpy(), groups.count().to_numpy()
    if len(totals) < FEWEST_PHOTOGRAPHS:
        return NO_INTERVAL
    means = totals / counts
    if np.ptp(means) <= 1e-12 * np.abs(means).max():  # any draw has the same mean
        return Interval(float(means.min()), float(means.max()))
    found = stats.bootstrap(
        (totals, counts),
        _ratio,
        paired=True,
        n_resamples=resamples,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=np.random.default_rng(seed_of("bootstrap", *identity)),
    )
    ends = found.confidence_interval
    return Interval(float(ends.low), float(ends.high))


def _ratio(
    totals: NDArray[np.floating], counts: NDArray[np.floating], axis: int = -1
) -> NDArray[np.floating]:
    ratio: NDArray[np.floating] = totals.sum(axis) / counts.sum(axis)
    return ratio


pass

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
