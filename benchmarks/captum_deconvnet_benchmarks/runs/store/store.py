"""A run's folder: where units, maps and tables are, and whether a unit is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import pyarrow as pa
from torch import Tensor

from captum_deconvnet.errors import ResultsError
from captum_deconvnet.files import remove_unfinished
from captum_deconvnet_benchmarks.runs.store.files import (
    read_maps,
    read_unit,
    write_maps,
    write_unit,
)
from captum_deconvnet_benchmarks.runs.store.rows import FAILED, SCHEMA

Content = TypeVar("Content")


class RunStore:
    """The files of one run; several processes may use it at once.

    Args:
        folder: of the run; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folders."""
        self.folder = folder
        self.units, self.maps = folder / "units", folder / "explanations"
        for each in (self.units, self.maps, folder / "images"):
            each.mkdir(parents=True, exist_ok=True)

    def unit(self, address: str) -> tuple[pa.Table, dict[str, Any]] | None:
        """A unit's rows and cost; None if it is not there, or damaged, which is said."""
        return _whole(self._unit_path(address), lambda path: read_unit(path, SCHEMA))

    def explanation(self, address: str) -> tuple[Tensor, dict[str, Any]] | None:
        """Maps and what they cost; None if they are not there, or damaged, which is said."""
        return _whole(self._maps_path(address), read_maps)

    def done(self, address: str, *, retry: bool) -> bool:
        """Whether a unit need not be done; with ``retry``, one that failed must be."""
        found = self.unit(address)
        return found is not None and not (retry and found[0]["status"][0].as_py() == FAILED)

    def keep_unit(self, address: str, rows: pa.Table, cost: Mapping[str, Any]) -> None:
        """Write a unit, whole or not at all."""
        write_unit(self._unit_path(address), rows, cost)

    def keep_explanation(self, address: str, maps: Tensor, cost: Mapping[str, Any]) -> None:
        """Write maps, whole or not at all."""
        write_maps(self._maps_path(address), maps, cost)

    def sweep(self) -> None:
        """Remove what killed processes left half-written; only when no other is at work."""
        remove_unfinished(self.folder)

    def _unit_path(self, address: str) -> Path:
        return self.units / f"{address}.parquet"

    def _maps_path(self, address: str) -> Path:
        return self.maps / f"{address}.safetensors"


def _whole(path: Path, read: Callable[[Path], Content]) -> Content | None:
    """What is in a file; a damaged one is named and removed, so that it is made again."""
    with contextlib.suppress(FileNotFoundError):
        try:
            return read(path)
        except ResultsError as error:
            click.echo(f"{' '.join(str(error).split())} It will be made again.", err=True)
            path.unlink(missing_ok=True)
    return None
