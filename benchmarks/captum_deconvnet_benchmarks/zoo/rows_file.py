"""The sweep's file: one row a model, written as soon as it is known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from captum_deconvnet_benchmarks.zoo.row import AnyRow, Row

NAME = "zoo"


def rows_path(folder: Path, shard: tuple[int, int], name: str = NAME) -> Path:
    """Where a shard's rows go; ``name`` is what the file is called after."""
    number, count = shard
    return folder / (f"{name}.csv" if count == 1 else f"{name}-{number}-of-{count}.csv")


def append(path: Path, row: Row, kind: type[Row] = Row) -> None:
    """Add one row to a file of rows of ``kind``; the first brings the table's head with it."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(kind.columns()))
        if is_new:
            writer.writeheader()
        writer.writerow(row.cells())


def read_rows(folder: Path) -> dict[str, Row]:
    """The rows of torchvision's and timm's models; see :func:`read`."""
    return read(folder, NAME, Row)


def read(folder: Path, name: str, kind: type[AnyRow]) -> dict[str, AnyRow]:
    """The rows of all shards in a folder by model, sorted; of two for a model, the later."""
    files = sorted(folder.glob(f"{name}*.csv"))
    found = {row.model: row for path in files for row in rows_of(path, kind)}
    return dict(sorted(found.items()))


def rows_of(path: Path, kind: type[AnyRow]) -> Iterator[AnyRow]:
    """The rows of one file."""
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            yield kind.of_cells(cells)
