"""Blocks: one metric of one model as a complete table, a photograph a row."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from captum_deconvnet_benchmarks.report.rows import Run, finite

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
        photographs = own.loc[own["status"] == "ok", "cluster"].nunique()
        lost = own.loc[own["status"] != "ok", "status"]
        found[explainer] = (
            f"a value for {int(known[explainer])} of {photographs} photographs"
            if photographs
            else str(lost.iloc[0])
        )
    return found
