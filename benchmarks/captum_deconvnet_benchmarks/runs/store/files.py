"""Files of a run: whole or not there, and noticed when damaged."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from captum_deconvnet.errors import OutputError, ResultsError
from captum_deconvnet.files import write_whole

DIGEST, COST = "digest", "cost"


def write_durably(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside ``path``, make sure that it is on the disk, then rename.

    Raises:
        OSError: it could not be written; ``path`` is then as it was.
    """

    def write_and_sync(part: Path) -> None:
        try:
            write(part)
        except (SafetensorError, pa.ArrowException) as error:
            raise OutputError(f"{path} cannot be written: {error}") from error
        with part.open("rb+") as file:
            os.fsync(file.fileno())

    write_whole(path, write_and_sync)


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
