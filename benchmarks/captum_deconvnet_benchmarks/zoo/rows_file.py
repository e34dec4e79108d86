"""The sweep's file: one row a model, written as soon as it is known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from captum_deconvnet_benchmarks.zoo.row import COLUMNS, Row

NAME = "zoo"


def rows_path(folder: Path, shard: tuple[int, int]) -> Path:
    """Where a shard's rows go."""
    number, count = shard
    return folder / (f"{NAME}.csv" if count == 1 else f"{NAME}-{number}-of-{count}.csv")


def append(path: Path, row: Row) -> None:
    """Add one row; the first brings the head of the table with it."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        if is_new:
            writer.writeheader()
        writer.writerow(row.cells())


def read_rows(folder: Path) -> dict[str, Row]:
    """The rows of all shards in a folder by model, sorted; of two for a model, the later."""
    files = sorted(folder.glob(f"{NAME}*.csv"))
    found = {row.model: row for path in files for row in rows_of(path)}
    return dict(sorted(found.items()))


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of one file."""
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            yield Row.of_cells(cells)
