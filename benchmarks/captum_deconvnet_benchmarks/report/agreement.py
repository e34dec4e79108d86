"""Whether metrics agree on which explainers are good."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

FEWEST_EXPLAINERS = 5
"""Of fewer, a rank correlation says next to nothing."""


def rank_correlations(ranks: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation between metrics, over explainers.

    Args:
        ranks: an explainer a row, a metric a column: mean ranks, NaN where there is none.

    Returns:
        Metric by metric; NaN where fewer than ``FEWEST_EXPLAINERS`` have both.
    """
    found: pd.DataFrame = ranks.corr(method="spearman", min_periods=FEWEST_EXPLAINERS)
    return found


def concordance(ranks: pd.DataFrame) -> tuple[float, int]:
    """Kendall's W, corrected for ties: 1 if all metrics rank alike, 0 if no ranking emerges.

    Args:
        ranks: an explainer a row, a metric a column; explainers that some metric does not rank
            are left out.

    Returns:
        W, and of how many explainers; NaN with fewer than ``FEWEST_EXPLAINERS`` or two metrics.
    """
    complete = ranks.dropna()
    explainers, metrics = complete.shape
    if explainers < FEWEST_EXPLAINERS or metrics < 2:
        return np.nan, explainers
    if bool((complete.nunique() == 1).all()):
        return np.nan, explainers
    statistic = stats.friedmanchisquare(*complete.to_numpy()).statistic
    return float(statistic / (metrics * (explainers - 1))), explainers
