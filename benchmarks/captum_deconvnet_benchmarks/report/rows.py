"""The long rows of a run: one row an image and score, read and checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.runs.store.schema import FAILED, OK, ORDER, SCHEMA, SKIPPED

COLUMNS = tuple(SCHEMA.names)
KEY = list(ORDER)
ALLOWED = {"status": {OK, SKIPPED, FAILED}, "better": {"higher", "lower", ""}}
ONE_EACH = {
    "weights": ["model"],
    "explainer_parameters": ["model", "explainer"],
    "metric_parameters": ["model", "metric"],
    "metric_version": ["model", "metric"],
}
"""What there must be one of for each of what: a run that has two was mixed from several."""


@dataclass(frozen=True)
class Run:
    """What is read of a run's folder.

    Args:
        folder: where it is.
        rows: the long rows, in the columns ``COLUMNS``.
        costs: what the units cost; empty if there is no such file.
        facts: what ``run.json`` says of it; empty if there is none.
    """

    folder: Path
    rows: pd.DataFrame
    costs: pd.DataFrame
    facts: dict[str, Any]

    @cached_property
    def models(self) -> list[str]:
        """The models, in the order of the alphabet."""
        return sorted(self.rows["model"].unique())

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The rows of plain scores, finite or not."""
        return self.rows[(self.rows["status"] == OK) & (self.rows["step"] < 0)]

    @cached_property
    def steps(self) -> pd.DataFrame:
        """The rows of curves."""
        return self.rows[(self.rows["status"] == OK) & (self.rows["step"] >= 0)]

    @cached_property
    def controls(self) -> frozenset[str]:
        """The explainers that are there to be beaten."""
        return frozenset(self.rows.loc[self.rows["control"], "explainer"].unique())


def read_run(folder: Path) -> Run:
    """Read a run and check its rows.

    Raises:
        ResultsError: it has no scores, or they are damaged, or mixed from several runs.
    """
    path = folder / "scores.parquet"
    if not path.is_file():
        raise ResultsError(
            f"{folder} holds no scores.parquet: give the folder of a run that has ended "
            "(deconvnet bench run)."
        )
    rows = checked(_parquet(path), path)
    costs = folder / "costs.parquet"
    return Run(folder, rows, _parquet(costs) if costs.is_file() else pd.DataFrame(), _facts(folder))


def checked(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows, if they are what a run writes.

    Raises:
        ResultsError: columns are missing, there is no row, or a row contradicts another.
    """
    missing = [name for name in COLUMNS if name not in rows]
    if missing:
        raise ResultsError(f"{path} is not the scores of a run: no column {', '.join(missing)}.")
    if rows.empty:
        raise ResultsError(f"{path} has no rows: the run measured nothing.")
    for column, allowed in ALLOWED.items():
        strange = sorted(set(rows[column].astype(str)) - allowed)
        if strange:
            known = ", ".join(repr(each) for each in sorted(allowed))
            raise ResultsError(f"{path}: {column} is {strange[0]!r}, but must be one of {known}.")
    measured = rows[rows["status"] == OK]
    twice = measured[measured.duplicated(KEY)]
    if len(twice):
        first = ", ".join(f"{name} {twice.iloc[0][name]}" for name in KEY)
        raise ResultsError(f"{path} has two rows for {first}.")
    for column, owner in ONE_EACH.items():
        _one_each(rows, column, owner, path)
    return rows


def grouped(rows: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows that share what stands in some columns, in the order of the alphabet."""
    return [(tuple(map(str, key)), group) for key, group in rows.groupby(list(by), observed=True)]


def finite(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose value is a finite number."""
    return rows[np.isfinite(rows["value"])]


def _one_each(rows: pd.DataFrame, column: str, owner: list[str], path: Path) -> None:
    counts = rows.groupby(owner, observed=True)[column].nunique()
    mixed = counts[counts > 1]
    if len(mixed):
        name = mixed.index[0]
        of = " of ".join(reversed(name)) if isinstance(name, tuple) else name
        raise ResultsError(
            f"{path} mixes runs: {of} has {mixed.iloc[0]} different {column.replace('_', ' ')}."
        )


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow has no base of its own for what a damaged file raises
        if isinstance(error, PermissionError):
            raise
        raise ResultsError(f"{path} cannot be read: {error}") from error


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ResultsError(f"{path} is not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise ResultsError(f"{path} is not an object of facts about a run.")
    return facts
