"""Whether two runs can be compared: the same images, weights and metrics."""

from __future__ import annotations

import pandas as pd

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.report.rows import Run

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
