"""What a run measured: means with bootstrap intervals, mean curves, costs, and what is missing.

Intervals draw whole photographs, for images cut from one photograph are not independent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_benchmarks.protocol.reproducibility import seed_of
from captum_deconvnet_benchmarks.report.rows import Run, finite, grouped
from captum_deconvnet_benchmarks.runs.store.schema import OK

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


BY = ("model", "metric", "score", "explainer")


def summary(run: Run) -> pd.DataFrame:
    """One row a model, metric, score and explainer.

    Returns:
        Columns ``model``, ``metric``, ``score``, ``explainer``, ``control``, ``headline``,
        ``better`` (of headlines; of other scores rows do not say), ``mean``, ``low`` and ``high``
        (95 % bootstrap interval of the mean), ``median``, ``images`` and ``photographs`` (with a
        finite value), ``not_finite`` (images).
    """
    groups = grouped(run.scores, BY)
    bar = tqdm(groups, desc="intervals", unit="mean", leave=False, disable=None)
    columns = [*BY, "control", "headline", "better", "mean", "low", "high", "median"]
    columns += ["images", "photographs", "not_finite"]
    return pd.DataFrame([_row(key, group) for key, group in bar], columns=columns)


def _row(key: tuple[str, ...], group: pd.DataFrame) -> dict[str, Any]:
    kept = finite(group)
    values, clusters = kept["value"].astype(np.float64), kept["cluster"]
    interval = interval_of_mean(values, clusters, *key)
    first = group.iloc[0]
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
        "not_finite": len(group) - len(kept),
    }


def outcomes(run: Run) -> pd.DataFrame:
    """Skipped and failed pairs.

    Returns:
        Columns ``model``, ``explainer``, ``metric``, ``status``, ``reason``, ``units``, and
        ``images``, those of the same pair that were measured all the same.
    """
    by = ["model", "explainer", "metric"]
    lost = run.rows[run.rows["status"] != OK]
    counts = lost.groupby([*by, "status", "reason"], observed=True)["unit"].nunique()
    found = counts.rename("units").reset_index()
    measured = run.scores.groupby(by, observed=True)["image"].nunique().rename("images")
    joined: pd.DataFrame = found.join(measured, on=by)
    return joined.assign(images=joined["images"].fillna(0).astype(int))


def missing_units(run: Run) -> list[str]:
    """The units that were planned and have no row."""
    planned = {str(unit["address"]) for unit in run.facts.get("units", [])}
    return sorted(planned - set(run.rows["unit"]))


COST_COLUMNS = [
    "model", "explainer", "metric", "images", "seconds_an_image", "forward_passes_an_image",
    "backward_passes_an_image", "peak_megabytes", "units",
]  # fmt: skip


def costs(run: Run) -> pd.DataFrame:
    """One row a model, explainer and metric.

    Returns:
        The columns ``COST_COLUMNS``: the median unit's seconds an image, passes an image over all
        units, and the highest peak of memory. Where the metric is empty: making the maps.
    """
    if run.costs.empty:
        return pd.DataFrame(columns=COST_COLUMNS)
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
    return found.reset_index()[COST_COLUMNS]


CURVE_BY = ["model", "metric", "score", "explainer", "control", "step", "x"]


def mean_curves(run: Run) -> pd.DataFrame:
    """One row a point of a mean curve: the columns ``CURVE_BY``, ``mean`` and ``images``."""
    groups = finite(run.steps).groupby(CURVE_BY, observed=True)["value"]
    found: pd.DataFrame = groups.agg(mean="mean", images="count").reset_index()
    return found
