"""The tables of a report, as CSV files that anything can read."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from captum_deconvnet_benchmarks.report.analysis import Analysis, MetricAnalysis

TABLES = {
    "scores": "mean, 95 % interval and median of every score of every explainer",
    "ranks": "mean rank of every explainer by every metric",
    "tests": "Friedman's test of every metric, and the critical difference",
    "pairs": "explainers two by two: Wilcoxon's signed-rank test with Holm's correction",
    "agreement": "rank correlations between metrics, and Kendall's W",
    "curves": "mean curves, such as those of deletion and insertion",
    "costs": "seconds, passes and memory",
    "outcomes": "what was skipped or failed, and why",
}


def tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """Every table, by the names in ``TABLES``; a report writes each as ``NAME.csv``."""
    return {
        "scores": analysis.summary,
        "ranks": _frame(_ranks(analysis), ["model", "metric", "explainer", "control", "mean_rank"]),
        "tests": _frame(_tests(analysis), ["model", "metric", "untested"]),
        "pairs": _pairs(analysis),
        "agreement": _frame(_agreement(analysis), ["model", "metric", "other", "spearman"]),
        "curves": analysis.curves,
        "costs": analysis.costs,
        "outcomes": analysis.outcomes,
    }


def _frame(rows: Iterator[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    found = list(rows)
    return pd.DataFrame(found) if found else pd.DataFrame(columns=columns)


def _metrics(analysis: Analysis) -> Iterator[tuple[str, MetricAnalysis]]:
    for model in analysis.models:
        for each in model.metrics:
            yield model.model, each


def _ranks(analysis: Analysis) -> Iterator[dict[str, object]]:
    for model, each in _metrics(analysis):
        for explainer, rank in each.ranks.items():
            control = explainer in analysis.run.controls
            yield {
                "model": model,
                "metric": each.metric,
                "explainer": explainer,
                "control": control,
                "mean_rank": rank,
            }


def _tests(analysis: Analysis) -> Iterator[dict[str, object]]:
    for model, each in _metrics(analysis):
        found = each.friedman
        photographs, explainers = each.blocks.values.shape
        yield {
            "model": model,
            "metric": each.metric,
            "explainers": explainers,
            "photographs": photographs,
            "chi_squared": found and found.statistic,
            "p": found and found.p,
            "iman_davenport_f": found and found.f,
            "iman_davenport_p": found and found.f_p,
            "critical_difference": found and found.critical_difference,
            "untested": each.untested,
        }


def _pairs(analysis: Analysis) -> pd.DataFrame:
    return pd.concat(
        [
            each.pairs.assign(model=model, metric=each.metric)[["model", "metric", *each.pairs]]
            for model, each in _metrics(analysis)
        ],
        ignore_index=True,
    )


def _agreement(analysis: Analysis) -> Iterator[dict[str, object]]:
    for model in analysis.models:
        found = {"kendall_w": model.concordance[0], "explainers": model.concordance[1]}
        for metric, row in model.correlations.iterrows():
            for other, value in row.items():
                yield {
                    "model": model.model,
                    "metric": metric,
                    "other": other,
                    "spearman": value,
                    **found,
                }
