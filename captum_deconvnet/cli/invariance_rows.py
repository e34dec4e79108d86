"""Every point of some curves as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from captum_deconvnet import InvarianceCurves
from captum_deconvnet.cli.output import say_written
from captum_deconvnet.cli.table import table
from captum_deconvnet.invariance.curves import mean_height
from captum_deconvnet.invariance.distances import DISTANCES
from captum_deconvnet.whole_file import write_whole


def rows_of(
    curves: Mapping[str, InvarianceCurves], names: Sequence[str]
) -> list[dict[str, str | int | float]]:
    """The points of all transforms; an image is called by its name."""
    return [
        {**row, "image": names[int(row["image"])]}
        for each in curves.values()
        for row in each.rows()
    ]


def areas(curves: Mapping[str, InvarianceCurves]) -> str:
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


def write_rows(path: Path, curves: Mapping[str, InvarianceCurves], names: Sequence[str]) -> None:
    """Write the points as CSV, and say so on stderr."""
    rows = rows_of(curves, names)

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)
    say_written(path)
