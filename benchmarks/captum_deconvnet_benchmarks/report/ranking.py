"""Which explainer ranks where by one metric, and whether metrics agree.

Tests need complete tables: one metric of one model, a photograph a row, an explainer a column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scikit_posthocs
from scipy import stats

from captum_deconvnet_benchmarks.report.rows import Run, finite
from captum_deconvnet_benchmarks.report.summary import FEWEST_PHOTOGRAPHS
from captum_deconvnet_benchmarks.runs.store.schema import OK

SHARE = 0.5
"""An explainer that has no value for more of the photographs than this is left out of tests."""


@dataclass(frozen=True)
class Blocks:
    """The headline of one metric on one model, as paired tests need it.

    Args:
        values: a photograph a row, an explainer a column; no cell is empty. The mean of the
            images that were cut from the photograph.
        better: ``"higher"``, ``"lower"``, or ``""`` if neither is.
        left_out: the explainers that are not in it, with the reason.
        incomplete: photographs that some explainer has no value for, and that are not in it.
    """

    values: pd.DataFrame
    better: str
    left_out: dict[str, str]
    incomplete: int

    @property
    def ranks(self) -> pd.DataFrame:
        """Each photograph's ranks: 1 is best, ties share theirs."""
        return self.values.rank(axis=1, ascending=self.better == "lower")


def blocks(run: Run, model: str, metric: str) -> Blocks:
    """The blocks of a metric's headline on a model.

    Photographs and not images are what can be taken to be independent of one another. What an
    explainer has no value for cannot be paired: explainers that lack many photographs go first,
    then the photographs that any other lacks.
    """
    rows = run.scores
    rows = rows[(rows["model"] == model) & (rows["metric"] == metric) & rows["headline"]]
    means = finite(rows).pivot_table(values="value", index="cluster", columns="explainer")
    whole = means.reindex(index=sorted(rows["cluster"].unique()))
    known = whole.notna().sum()
    kept = list(known.index[known >= SHARE * len(whole)]) if len(whole) else []
    complete = whole[kept].dropna()
    better = str(rows["better"].iloc[0]) if len(rows) else ""
    left_out = _left_out(run, model, metric, known.reindex(_asked(run, model)).fillna(0), kept)
    return Blocks(complete, better, left_out, len(whole) - len(complete))


def _asked(run: Run, model: str) -> list[str]:
    rows = run.rows
    return sorted(rows.loc[rows["model"] == model, "explainer"].unique())


def _left_out(
    run: Run, model: str, metric: str, known: pd.Series, kept: list[str]
) -> dict[str, str]:
    rows = run.rows
    rows = rows[(rows["model"] == model) & (rows["metric"] == metric)]
    found = {}
    for explainer in known.index.difference(kept):
        own = rows[rows["explainer"] == explainer]
        if own.empty:
            continue
        photographs = own.loc[own["status"] == OK, "cluster"].nunique()
        lost = own.loc[own["status"] != OK, "status"]
        found[explainer] = (
            f"a value for {int(known[explainer])} of {photographs} photographs"
            if photographs
            else str(lost.iloc[0])
        )
    return found


ALPHA = 0.05
FEWEST_EXPLAINERS = 3


@dataclass(frozen=True)
class Friedman:
    """Friedman's test that all explainers rank alike, and Nemenyi's for each two of them.

    Args:
        statistic: chi-squared, corrected for ties, with ``explainers - 1`` degrees of freedom.
        p: its p value.
        f: Iman and Davenport's statistic, which is less conservative.
        f_p: its p value.
        critical_difference: mean ranks farther apart than this differ at 0.05.
        pairs: Nemenyi's p values, explainer by explainer.
    """

    statistic: float
    p: float
    f: float
    f_p: float
    critical_difference: float
    pairs: pd.DataFrame


def mean_ranks(blocks: Blocks) -> pd.Series:
    """The mean rank of each explainer, the best first; empty if neither end is better."""
    if not blocks.better:
        return pd.Series(dtype=float)
    return blocks.ranks.mean().sort_values(kind="stable")


def why_not(blocks: Blocks) -> str:
    """Why these blocks cannot be tested; empty if they can."""
    photographs, explainers = blocks.values.shape
    if not blocks.better:
        return "neither higher nor lower is better: there is nothing to rank"
    if explainers < FEWEST_EXPLAINERS:
        return f"{explainers} explainers have values, and the test needs {FEWEST_EXPLAINERS}"
    if photographs < FEWEST_PHOTOGRAPHS:
        return (
            f"{photographs} photographs have a value of every explainer, "
            f"and the test needs {FEWEST_PHOTOGRAPHS}"
        )
    if bool((blocks.values.nunique(axis=1) == 1).all()):
        return "all explainers score the same on every photograph"
    return ""


def friedman(blocks: Blocks) -> Friedman:
    """Test whether the explainers rank alike (Demsar 2006, section 3.2.2).

    Args:
        blocks: that ``why_not`` has nothing against.
    """
    photographs, explainers = blocks.values.shape
    found = stats.friedmanchisquare(*blocks.values.to_numpy().T)
    statistic, p = float(found.statistic), float(found.pvalue)
    degrees = explainers - 1
    rest = photographs * degrees - statistic
    f = (photographs - 1) * statistic / rest if rest > 1e-9 * statistic else np.inf
    f_p = float(stats.f.sf(f, degrees, degrees * (photographs - 1)))
    pairs = scikit_posthocs.posthoc_nemenyi_friedman(blocks.values)
    return Friedman(statistic, p, f, f_p, critical_difference(explainers, photographs), pairs)


def critical_difference(explainers: int, photographs: int) -> float:
    """Nemenyi's: mean ranks that are farther apart differ at ``ALPHA``.

    >>> round(critical_difference(4, 14), 2)  # Demsar 2006, section 3.2.4: four, on 14 data sets
    1.25
    """
    quantile = stats.studentized_range.ppf(1 - ALPHA, explainers, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(explainers * (explainers + 1) / (6 * photographs)))


FEWEST_TO_AGREE = 5
"""Of fewer, a rank correlation says next to nothing."""


def rank_correlations(ranks: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation between metrics, over explainers.

    Args:
        ranks: an explainer a row, a metric a column: mean ranks, NaN where there is none.

    Returns:
        Metric by metric; NaN where fewer than ``FEWEST_TO_AGREE`` have both.
    """
    found: pd.DataFrame = ranks.corr(method="spearman", min_periods=FEWEST_TO_AGREE)
    return found


def concordance(ranks: pd.DataFrame) -> tuple[float, int]:
    """Kendall's W, corrected for ties: 1 if all metrics rank alike, 0 if no ranking emerges.

    Args:
        ranks: an explainer a row, a metric a column; explainers that some metric does not rank
            are left out.

    Returns:
        W, and of how many explainers; NaN with fewer than ``FEWEST_TO_AGREE`` or two metrics.
    """
    complete = ranks.dropna()
    explainers, metrics = complete.shape
    if explainers < FEWEST_TO_AGREE or metrics < 2:
        return np.nan, explainers
    if bool((complete.nunique() == 1).all()):
        return np.nan, explainers
    statistic = stats.friedmanchisquare(*complete.to_numpy()).statistic
    return float(statistic / (metrics * (explainers - 1))), explainers
