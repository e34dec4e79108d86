"""Two runs, image by image: what changed, and whether that could be chance.

Runs that measured other images, weights or metrics are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.report.pairs import holm, signed_rank
from captum_deconvnet_benchmarks.report.ranking import ALPHA
from captum_deconvnet_benchmarks.report.rows import Run, finite
from captum_deconvnet_benchmarks.report.summary import FEWEST_PHOTOGRAPHS, interval_of_mean

IMAGE = ["image", "image_name", "cluster", "target"]
SHOWN = 3
"""Images that an error names."""


def check_comparable(a: Run, b: Run) -> None:
    """Refuse runs that measured other things.

    Raises:
        ResultsError: no pair is in both, or weights, images, or a metric's parameters or version
            differ; says which.
    """
    keys = ["model", "explainer", "metric"]
    if not len(pairs_of(a, keys).intersection(pairs_of(b, keys))):
        raise ResultsError(
            f"{a.folder} and {b.folder} have no model, explainer and metric in common."
        )
    _same(a, b, ["model"], "weights")
    for what in ("metric_parameters", "metric_version", "better"):
        _same(a, b, ["model", "metric"], what)
    for model in sorted(set(a.models) & set(b.models)):
        _same_images(a, b, model)


def notes(a: Run, b: Run) -> list[str]:
    """What differs and does not forbid the comparison, a line each."""
    found = []
    for model, explainer in _different(a, b, ["model", "explainer"], "explainer_parameters"):
        found.append(f"{explainer} of {model} has other parameters in B")
    for name, one, other in (("A", a, b), ("B", b, a)):
        keys = ["model", "explainer", "metric"]
        alone = len(pairs_of(one, keys).difference(pairs_of(other, keys)))
        if alone:
            found.append(f"{alone} pairs of explainer and metric are in {name} only")
    seeds = [run.facts.get("spec", {}).get("seed") for run in (a, b)]
    if seeds[0] != seeds[1]:
        found.append(f"the seeds are {seeds[0]} and {seeds[1]}: random draws differ too")
    return found


def pairs_of(run: Run, keys: list[str]) -> pd.MultiIndex:
    """What stands in some columns, each once."""
    return pd.MultiIndex.from_frame(run.rows[keys].drop_duplicates())


def _same(a: Run, b: Run, owner: list[str], what: str) -> None:
    for names in _different(a, b, owner, what):
        values = [_only(run, owner, names, what) for run in (a, b)]
        raise ResultsError(
            f"The runs cannot be compared: {what.replace('_', ' ')} of {' of '.join(names[::-1])} "
            f"is {values[0]} in {a.folder} and {values[1]} in {b.folder}."
        )


def _different(a: Run, b: Run, owner: list[str], what: str) -> list[tuple[str, ...]]:
    """The owners that both runs have, and for which this column differs."""
    first, second = (run.rows.groupby(owner, observed=True)[what].first() for run in (a, b))
    both = first.to_frame("a").join(second.rename("b"), how="inner")
    names = both.index[both["a"] != both["b"]]
    return [name if isinstance(name, tuple) else (name,) for name in names]


def _only(run: Run, owner: list[str], names: tuple[str, ...], what: str) -> str:
    rows = run.rows
    for column, name in zip(owner, names, strict=True):
        rows = rows[rows[column] == name]
    return str(rows[what].iloc[0])


def _same_images(a: Run, b: Run, model: str) -> None:
    first, second = (_images(run, model) for run in (a, b))
    odd = sorted(set(first.symmetric_difference(second)))
    if odd and len(first) and len(second):
        some = "; ".join(
            f"number {image}, {name} of {cluster}, class {target}"
            for image, name, cluster, target in odd[:SHOWN]
        )
        raise ResultsError(
            f"The runs cannot be compared: they explained other images of {model}. "
            f"In one only: {some}{' and others' if len(odd) > SHOWN else ''}."
        )


def _images(run: Run, model: str) -> pd.MultiIndex:
    rows = run.scores
    return pd.MultiIndex.from_frame(rows.loc[rows["model"] == model, IMAGE].drop_duplicates())


KEY = ["model", "metric", "explainer"]
BETTER, WORSE, OTHER, LOST = "better", "worse", "other", "lost"
EQUAL, UNCLEAR, FEW = "equal", "no difference shown", "too few photographs"
WORSENED = frozenset({WORSE, LOST})
COLUMNS = [
    *KEY, "control", "better", "images", "photographs", "a", "b", "difference", "low", "high",
    "rank_biserial", "p", "p_holm", "verdict",
]  # fmt: skip


def compare(a: Run, b: Run) -> pd.DataFrame:
    """Compare the headlines of all pairs that both runs have.

    Args:
        a: the run before.
        b: the run after.

    Returns:
        A row a model, metric and explainer: ``images`` and ``photographs`` with a value in both,
        the means ``a`` and ``b`` over them, ``difference`` (b minus a) with its 95 % bootstrap
        interval ``low`` to ``high``, ``rank_biserial`` (1: B is higher on every photograph),
        Wilcoxon's ``p``, ``p_holm`` after Holm's correction for the
        whole table, and a ``verdict``: ``"better"``, ``"worse"``, ``"other"`` (neither end is
        better), ``"equal"``, ``"no difference shown"``, ``"too few photographs"`` or ``"lost"``
        (A has values, and B tried and has none).

    Raises:
        ResultsError: the runs measured different things.
    """
    check_comparable(a, b)
    joined = _headline(a).merge(_headline(b), on=[*KEY, "image"], suffixes=("_a", "_b"))
    lost = _lost(a, b)
    rows = [
        _row(key, finite_in_both(group))
        for key, group in joined.groupby(KEY, observed=True)
        if key not in lost
    ]
    table = pd.DataFrame([*rows, *map(_lost_row, lost)], columns=COLUMNS)
    tested = table["p"].notna()
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy(dtype=float))
    table["verdict"] = [_verdict(row) for row in table.itertuples()]
    control = table["explainer"].isin(a.controls | b.controls)
    return table.assign(control=control).sort_values(KEY, ignore_index=True)


def finite_in_both(joined: pd.DataFrame) -> pd.DataFrame:
    """The images that have a finite value in both runs."""
    return joined[np.isfinite(joined["value_a"]) & np.isfinite(joined["value_b"])]


def _headline(run: Run) -> pd.DataFrame:
    rows = run.scores
    return rows.loc[rows["headline"], [*KEY, "image", "cluster", "better", "value"]].reset_index(
        drop=True
    )


def _row(key: tuple[str, ...], group: pd.DataFrame) -> dict[str, Any]:
    differences = group["value_b"] - group["value_a"]
    photographs = differences.groupby(group["cluster_a"].to_numpy()).mean().to_numpy()
    interval = interval_of_mean(differences, group["cluster_a"], "compare", *key)
    p, correlation = signed_rank(photographs)
    return {
        **dict(zip(KEY, key, strict=True)),
        "better": group["better_a"].iloc[0] if len(group) else "",
        "images": len(group),
        "photographs": len(photographs),
        "a": group["value_a"].mean(),
        "b": group["value_b"].mean(),
        "difference": differences.mean(),
        "low": interval.low,
        "high": interval.high,
        "rank_biserial": correlation,
        "p": p if len(photographs) >= FEWEST_PHOTOGRAPHS else np.nan,
        "p_holm": np.nan,
        "verdict": EQUAL if len(group) and bool((differences == 0).all()) else "",
    }


def _verdict(row: Any) -> str:
    if row.verdict:
        return str(row.verdict)
    if np.isnan(row.p):
        return FEW
    if row.p_holm >= ALPHA:
        return UNCLEAR
    if not row.better:
        return OTHER
    return BETTER if (row.rank_biserial > 0) == (row.better == "higher") else WORSE


def _lost(a: Run, b: Run) -> pd.MultiIndex:
    """The pairs that have a value in A, were tried in B, and have none there."""
    had, has = (_keys(finite(_headline(run))) for run in (a, b))
    return had.intersection(_keys(b.rows)).difference(has)


def _lost_row(key: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(KEY, key, strict=True)) | {"images": 0, "photographs": 0, "verdict": LOST}


def _keys(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[KEY].drop_duplicates())
