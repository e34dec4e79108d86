"""A run's folder: where units, maps and tables are, and whether a unit is done.

A file is whole or not there, and has a digest inside, so that damage is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from captum_deconvnet.errors import OutputError, ResultsError
from captum_deconvnet.files import remove_unfinished, write_whole
from captum_deconvnet_benchmarks.runs.store.schema import FAILED, SCHEMA

DIGEST, COST = "digest", "cost"


def write_durably(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside ``path``, make sure that it is on the disk, then rename.

    Raises:
        OSError: it could not be written; ``path`` is then as it was.
    """
    try:
        write_whole(path, write, durable=True)
    except (SafetensorError, pa.ArrowException) as error:
        raise OutputError(f"{path} cannot be written: {error}") from error


def write_unit(path: Path, rows: pa.Table, cost: Mapping[str, Any]) -> None:
    """Keep the rows of a unit, with their digest and what they cost."""
    spent = json.dumps(cost)
    facts = {DIGEST: _rows_digest(rows, spent), COST: spent}
    whole = rows.replace_schema_metadata(facts)
    write_durably(path, lambda part: pq.write_table(whole, part))


def read_unit(path: Path, schema: pa.Schema) -> tuple[pa.Table, dict[str, Any]]:
    """The rows of a unit and what they cost.

    Raises:
        ResultsError: the file is damaged, or of another layout.
        FileNotFoundError: there is none.
    """
    try:
        whole = pq.ParquetFile(path).read()
        facts = whole.schema.metadata or {}
        rows = whole.replace_schema_metadata(None)
        spent = facts[COST.encode()].decode()
        kept = facts[DIGEST.encode()].decode()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ResultsError(f"{path} is damaged: {error}") from error
    if rows.schema != schema or kept != _rows_digest(rows, spent):
        raise ResultsError(f"{path} is damaged: its rows are not those that were written.")
    return rows, json.loads(spent)


def write_maps(path: Path, maps: Tensor, cost: Mapping[str, Any]) -> None:
    """Keep maps (N, C or 1, H, W), with their digest and what they cost."""
    spent = json.dumps(cost)
    facts = {DIGEST: _maps_digest(maps, spent), COST: spent}
    write_durably(path, lambda part: safetensors.torch.save_file({"maps": maps}, part, facts))


def read_maps(path: Path) -> tuple[Tensor, dict[str, Any]]:
    """Maps and what they cost.

    Raises:
        ResultsError: the file is damaged.
        FileNotFoundError: there is none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            maps, facts = file.get_tensor("maps"), file.metadata() or {}
        spent, kept = facts[COST], facts[DIGEST]
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ResultsError(f"{path} is damaged: {error}") from error
    if kept != _maps_digest(maps, spent):
        raise ResultsError(f"{path} is damaged: its maps are not those that were written.")
    return maps, json.loads(spent)


def _rows_digest(rows: pa.Table, cost: str) -> str:
    sink = pa.BufferOutputStream()
    plain = rows.replace_schema_metadata(None).combine_chunks()
    with pa.ipc.new_stream(sink, plain.schema) as stream:
        stream.write_table(plain)
    return hashlib.sha256(sink.getvalue().to_pybytes() + cost.encode()).hexdigest()


def _maps_digest(maps: Tensor, cost: str) -> str:
    flat = maps.contiguous().flatten().view(torch.uint8).numpy()
    shape = repr((tuple(maps.shape), maps.dtype))
    return hashlib.sha256(flat.tobytes() + shape.encode() + cost.encode()).hexdigest()


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
