"""Everything that a report says of a run, worked out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_benchmarks.report.pairs import COLUMNS, pairs
from captum_deconvnet_benchmarks.report.ranking import (
    Blocks,
    Friedman,
    blocks,
    concordance,
    friedman,
    mean_ranks,
    rank_correlations,
    why_not,
)
from captum_deconvnet_benchmarks.report.rows import Run
from captum_deconvnet_benchmarks.report.summary import (
    costs,
    mean_curves,
    missing_units,
    outcomes,
    summary,
)


@dataclass(frozen=True)
class MetricAnalysis:
    """What one metric says of the explainers of a model.

    Args:
        metric: its name.
        version: its version.
        parameters: every choice that moves its numbers, as JSON text.
        blocks: its headline, complete.
        ranks: mean ranks, the best first; empty if neither end is better.
        untested: why there is no test; empty if there is one.
        friedman: the test of the ranks, if there is one.
        pairs: explainers two by two; empty if there is no test.
    """

    metric: str
    version: int
    parameters: str
    blocks: Blocks
    ranks: pd.Series
    untested: str
    friedman: Friedman | None
    pairs: pd.DataFrame

    def beside_the_best(self) -> frozenset[str]:
        """The explainers that the test cannot tell from the best one, which is among them."""
        if self.friedman is None or self.friedman.f_p >= 0.05:
            return frozenset()
        best = self.friedman.pairs[self.ranks.index[0]]
        return frozenset(best.index[best >= 0.05])


@dataclass(frozen=True)
class ModelAnalysis:
    """What a run says of one model.

    Args:
        model: its name.
        metrics: what each metric says.
        ranks: mean ranks, an explainer a row, a metric a column; NaN where there is none.
        correlations: between metrics, controls left out.
        concordance: Kendall's W of the same ranks, and of how many explainers.
    """

    model: str
    metrics: list[MetricAnalysis]
    ranks: pd.DataFrame
    correlations: pd.DataFrame
    concordance: tuple[float, int]


@dataclass(frozen=True)
class Analysis:
    """What a run says.

    Args:
        run: the run.
        models: what it says of each model.
        summary: means and intervals.
        curves: mean curves.
        costs: what the units cost.
        outcomes: what was skipped or failed.
        missing: planned units that have no row.
    """

    run: Run
    models: list[ModelAnalysis]
    summary: pd.DataFrame
    curves: pd.DataFrame
    costs: pd.DataFrame
    outcomes: pd.DataFrame
    missing: list[str]


def analyse(run: Run) -> Analysis:
    """Work out everything; some seconds a model."""
    models = [analyse_model(run, model) for model in run.models]
    return Analysis(
        run,
        models,
        summary(run),
        mean_curves(run),
        costs(run),
        outcomes(run),
        missing_units(run),
    )


def analyse_model(run: Run, model: str) -> ModelAnalysis:
    """What a run says of one model."""
    names = sorted(run.rows.loc[run.rows["model"] == model, "metric"].unique())
    bar = tqdm(names, desc=f"tests of {model}", unit="metric", leave=False, disable=None)
    metrics = [analyse_metric(run, model, name) for name in bar]
    ranks = pd.DataFrame({each.metric: each.ranks for each in metrics if len(each.ranks)})
    ranks = ranks.loc[sorted(ranks.index, key=lambda name: (name in run.controls, name))]
    own = ranks[~ranks.index.isin(run.controls)]
    return ModelAnalysis(model, metrics, ranks, rank_correlations(own), concordance(own))


def analyse_metric(run: Run, model: str, metric: str) -> MetricAnalysis:
    """What one metric says of the explainers of a model."""
    rows = run.rows[(run.rows["model"] == model) & (run.rows["metric"] == metric)]
    found = blocks(run, model, metric)
    untested = why_not(found)
    return MetricAnalysis(
        metric,
        int(rows["metric_version"].iloc[0]),
        str(rows["metric_parameters"].iloc[0]),
        found,
        mean_ranks(found),
        untested,
        None if untested else friedman(found),
        pd.DataFrame(columns=COLUMNS) if untested else pairs(found),
    )
