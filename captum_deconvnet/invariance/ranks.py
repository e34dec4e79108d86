"""Layers and classes, ranked by how invariant they are.

A file of finished photographs, one line each, that a stopped run goes on from.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from captum_deconvnet.cli.output import say_written, table
from captum_deconvnet.errors import ResultsError
from captum_deconvnet.files import write_whole

Result = dict[str, Any]
Row = dict[str, str | int | float]

MEANS = ("area", "score", "probability")
SHOWN = 20
"""Rows of a table on the screen; the file has all."""


def ranks(results: Sequence[Result]) -> dict[str, list[Row]]:
    """The tables ``layers`` and ``classes``; the most invariant stands first.

    Args:
        results: of every photograph: its class, and of every transform and layer the area under
            the normalised distance, the mean score of the maps and the mean probability.
    """
    points = [
        {**point, "class": result["class"]} for result in results for point in result["points"]
    ]
    return {
        "layers": ranked(points, ("transform", "layer")),
        "classes": ranked(points, ("transform", "layer", "class")),
    }


def ranked(points: Sequence[Result], by: tuple[str, ...]) -> list[Row]:
    """The means of points that have the same transform, layer or class, the lowest area first."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for point in points:
        groups.setdefault(tuple(point[name] for name in by), []).append(point)
    rows: list[Row] = [
        {**dict(zip(by, key, strict=True)), "photographs": len(group), **means(group)}
        for key, group in groups.items()
    ]
    names = list(dict.fromkeys(row["transform"] for row in rows))
    return sorted(rows, key=lambda row: (names.index(row["transform"]), *area_order(row)))


def area_order(row: Row) -> tuple[bool, float]:
    """Rows without an area come last."""
    area = float(row["area"])
    return math.isnan(area), area


def means(points: Sequence[Result]) -> Row:
    """The mean of every measure over the points that have it; NaN if none has."""
    found: Row = {}
    for name in MEANS:
        known = [point[name] for point in points if point[name] is not None]
        found[name] = sum(known) / len(known) if known else math.nan
    return found


def write_ranks(folder: Path, tables: dict[str, list[Row]]) -> None:
    """Write every table as CSV in ``folder``, and show its top on stdout."""
    for name, rows in tables.items():
        path = folder / f"{name}.csv"
        write_whole(path, partial(write, rows=rows))
        click.echo(table(list(rows[0]), [cells(row) for row in rows[:SHOWN]]))
        say_written(path)


def write(path: Path, rows: Sequence[Row]) -> None:
    """The rows as CSV."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def cells(row: Row) -> list[str]:
    """A row as text."""
    return [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row.values()]


class Ledger:
    """Results by the key of their photograph; a line is written as soon as it is known.

    Args:
        path: of the file, JSON lines; made if it is missing.
        identity: what all results share, the first line.

    Raises:
        ResultsError: the file has results of another identity, or is no such file.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        """Read what is there."""
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        if not path.exists():
            line = json.dumps(identity) + "\n"
            write_whole(path, lambda part: part.write_text(line, encoding="utf-8"))
        self._read(identity)

    def add(self, key: str, result: dict[str, Any]) -> None:
        """Note one result, on disk before this returns."""
        line = json.dumps({"key": key, "result": result}, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done[key] = result

    def _read(self, identity: dict[str, Any]) -> None:
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a run was killed while it wrote this line
            write_whole(self.path, lambda part: part.write_text(whole, encoding="utf-8"))
        lines = whole.splitlines()
        try:
            head, *entries = (json.loads(line) for line in lines)
            self.done = {entry["key"]: entry["result"] for entry in entries}
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.path} is no file of results: {error}.") from error
        self._check(head, identity)

    def _check(self, head: Any, identity: dict[str, Any]) -> None:
        if head == identity:
            return
        given = head if isinstance(head, dict) else {}
        differ = [name for name in identity if given.get(name) != identity[name]]
        was = ", ".join(f"{name} {given.get(name)!r}" for name in differ)
        now = ", ".join(f"{name} {identity[name]!r}" for name in differ)
        raise ResultsError(
            f"{self.path} has results of another run, with {was}; this one has {now}. "
            "Give another --out."
        )
