"""Every point of some curves as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from captum_deconvnet import InvarianceCurves
from captum_deconvnet.cli.output import write_whole


def rows_of(
    curves: Mapping[str, InvarianceCurves], names: Sequence[str]
) -> list[dict[str, str | int | float]]:
    """The points of all transforms; an image is called by its name."""
    return [
        {**row, "image": names[int(row["image"])]}
        for each in curves.values()
        for row in each.rows()
    ]


def write_rows(path: Path, curves: Mapping[str, InvarianceCurves], names: Sequence[str]) -> None:
    """Write the points as CSV, and say so on stderr."""
    rows = rows_of(curves, names)

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)
    click.echo(f"wrote {path}", err=True)
