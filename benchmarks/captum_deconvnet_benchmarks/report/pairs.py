"""Explainers two by two: who is better, photograph by photograph."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from captum_deconvnet_benchmarks.report.ranking import Blocks

COLUMNS = ["a", "b", "photographs", "difference", "rank_biserial", "p", "p_holm"]


def pairs(blocks: Blocks) -> pd.DataFrame:
    """Wilcoxon's signed-rank test of every two explainers, with Holm's correction.

    Args:
        blocks: of one metric on one model; the correction is for all its pairs.

    Returns:
        A row a pair: ``a``, ``b``, ``photographs``, ``difference`` (mean of a minus b, in the
        metric's units), ``rank_biserial`` (-1 to 1: the share of rank sums where a scores higher,
        minus that where b does), ``p`` and ``p_holm``.
    """
    found = [_pair(blocks.values, a, b) for a, b in combinations(blocks.values.columns, 2)]
    table = pd.DataFrame(found, columns=COLUMNS)
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def signed_rank(differences: NDArray[np.floating]) -> tuple[float, float]:
    """Wilcoxon's two-sided test that paired differences lie about zero.

    Returns:
        The p value, and the rank-biserial correlation: 1 if all differences are above zero, -1
        if all are below. Differences of zero do not count; with no others p is 1 and the
        correlation 0.
    """
    unequal = differences[differences != 0]
    if not len(unequal):
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(unequal))
    correlation = float((np.sign(unequal) * ranks).sum() / ranks.sum())
    return float(stats.wilcoxon(unequal).pvalue), correlation


def holm(p: NDArray[np.floating]) -> NDArray[np.floating]:
    """P values after Holm's step-down correction for their number.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    if not len(p):
        return p
    corrected: NDArray[np.floating] = multipletests(p, method="holm")[1]
    return corrected


def smallest_p(photographs: int, tests: int) -> float:
    """The smallest p value that so many photographs can give, after correction for the tests.

    >>> smallest_p(6, 1)
    0.03125
    """
    return float(min(1.0, tests * 2.0 ** (1 - photographs)))


def _pair(values: pd.DataFrame, a: str, b: str) -> dict[str, Any]:
    differences = (values[a] - values[b]).to_numpy()
    p, correlation = signed_rank(differences)
    return {
        "a": a,
        "b": b,
        "photographs": len(differences),
        "difference": differences.mean() if len(differences) else np.nan,
        "rank_biserial": correlation,
        "p": p,
    }
