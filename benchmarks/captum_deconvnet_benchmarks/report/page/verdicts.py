"""Who beats whom, as a matrix of signs."""

from __future__ import annotations

import pandas as pd

from captum_deconvnet_benchmarks.report.ranking import ALPHA

BETTER, WORSE, SAME = "+", "\N{MINUS SIGN}", "\N{MIDDLE DOT}"


def verdicts(pairs: pd.DataFrame, better: str, order: list[str]) -> dict[str, dict[str, str]]:
    """For each explainer, whether it is better than each other one.

    Args:
        pairs: of ``report.pairs``.
        better: ``"higher"`` or ``"lower"``.
        order: the explainers.

    Returns:
        ``verdicts[row][column]``: ``"+"`` where the row is better than the column, a minus where it
        is worse, a dot where Wilcoxon's test with Holm's correction cannot tell.
    """
    found = {row: dict.fromkeys(order, "") for row in order}
    for pair in pairs.itertuples():
        sign = 0.0 if pair.p_holm >= ALPHA else pair.rank_biserial
        sign = -sign if better == "lower" else sign
        found[pair.a][pair.b] = _word(sign)
        found[pair.b][pair.a] = _word(-sign)
    return found


def _word(sign: float) -> str:
    if sign == 0:
        return SAME
    return BETTER if sign > 0 else WORSE
