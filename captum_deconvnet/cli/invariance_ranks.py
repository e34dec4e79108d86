"""Layers and classes, ranked by how invariant they are."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from captum_deconvnet.cli.output import say_written
from captum_deconvnet.cli.table import table
from captum_deconvnet.whole_file import write_whole

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
