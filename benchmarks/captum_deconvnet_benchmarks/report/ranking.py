"""Which explainer ranks where by one metric, and which ranks can be told apart.

Whether metrics agree on which explainers are good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scikit_posthocs
from scipy import stats

from captum_deconvnet_benchmarks.report.blocks import Blocks
from captum_deconvnet_benchmarks.report.summary import FEWEST_PHOTOGRAPHS

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
