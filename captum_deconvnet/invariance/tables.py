"""Tables of invariance: the points and mean heights of curves, and layers and classes, ranked."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from captum_deconvnet.cli.output import report_written, table
from captum_deconvnet.files import write_whole
from captum_deconvnet.invariance.curves import InvarianceCurves, mean_height
from captum_deconvnet.invariance.distances import DISTANCES

Result = dict[str, Any]
TableRow = dict[str, str | int | float]

MEANS = ("area", "score", "probability")
SHOWN = 20
"""Rows of a table on the screen; the file has all."""


def rows_of(curves: Mapping[str, InvarianceCurves], names: Sequence[str]) -> list[TableRow]:
    """The points of all transforms; an image is called by its name."""
    return [
        {**row, "image": names[int(row["image"])]}
        for each in curves.values()
        for row in each.rows()
    ]


def area_table(curves: Mapping[str, InvarianceCurves]) -> str:
    """The mean heights of all curves as text: a row a transform and layer, means over images."""
    head = ("transform", "layer", *DISTANCES, "map score", "probability")
    return table(head, [area_row(each, layer) for each in curves.values() for layer in each.layers])


def area_row(curves: InvarianceCurves, layer: str) -> list[str]:
    """One layer under one transform."""
    heights = [float(curves.area(layer, kind).mean()) for kind in DISTANCES]
    score = float(curves.map_scores[layer].nanmean())
    chance = curves.probability
    seen = "-" if chance is None else f"{float(mean_height(curves.values, chance).mean()):.3f}"
    return [curves.transform, layer, *(f"{height:.4g}" for height in heights), f"{score:.3f}", seen]


def write_points(path: Path, curves: Mapping[str, InvarianceCurves], names: Sequence[str]) -> None:
    """Write the points as CSV, and say so on stderr."""
    write_csv(path, rows_of(curves, names))
    report_written(path)


def write_csv(path: Path, rows: Sequence[TableRow]) -> None:
    """Write rows with the same columns as CSV."""

    def write(unfinished: Path) -> None:
        with unfinished.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)


def ranks(results: Sequence[Result]) -> dict[str, list[TableRow]]:
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


def ranked(points: Sequence[Result], by: tuple[str, ...]) -> list[TableRow]:
    """The means of points that have the same transform, layer or class, the lowest area first."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for point in points:
        groups.setdefault(tuple(point[name] for name in by), []).append(point)
    rows: list[TableRow] = [
        {**dict(zip(by, key, strict=True)), "photographs": len(group), **means(group)}
        for key, group in groups.items()
    ]
    names = list(dict.fromkeys(row["transform"] for row in rows))
    return sorted(rows, key=lambda row: (names.index(row["transform"]), *area_order(row)))


def area_order(row: TableRow) -> tuple[bool, float]:
    """Rows without an area come last."""
    area = float(row["area"])
    return math.isnan(area), area


def means(points: Sequence[Result]) -> TableRow:
    """The mean of every measure over the points that have it; NaN if none has."""
    found: TableRow = {}
    for name in MEANS:
        known = [point[name] for point in points if point[name] is not None]
        found[name] = sum(known) / len(known) if known else math.nan
    return found


def write_ranks(folder: Path, tables: dict[str, list[TableRow]]) -> None:
    """Write every table as CSV in ``folder``, and show its top on stdout."""
    for name, rows in tables.items():
        path = folder / f"{name}.csv"
        write_csv(path, rows)
        click.echo(table(list(rows[0]), [cells(row) for row in rows[:SHOWN]]))
        report_written(path)


def cells(row: TableRow) -> list[str]:
    """A row as text."""
    return [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row.values()]
