"""The tables of a run, from the files of its units."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from captum_deconvnet_benchmarks.runs.plan.plan import Group
from captum_deconvnet_benchmarks.runs.store.files import write_durably
from captum_deconvnet_benchmarks.runs.store.rows import ORDER, SCHEMA
from captum_deconvnet_benchmarks.runs.store.store import RunStore

COSTS = pa.schema(
    [
        ("unit", pa.string()),
        ("model", pa.string()),
        ("explainer", pa.string()),
        ("metric", pa.string()),
        ("seconds", pa.float64()),
        ("images", pa.int64()),
        ("batch", pa.int64()),
        ("forward_passes", pa.int64()),
        ("backward_passes", pa.int64()),
        ("peak_bytes", pa.int64()),
        ("worker", pa.int64()),
    ]
)


def merge(store: RunStore, groups: Sequence[Group]) -> tuple[pa.Table, list[str]]:
    """Write the tables if all units are there; returns the rows, and the units that are missing.

    The rows of a table are in one order, whoever wrote them and when.
    """
    tables, costs, missing = [], [], []
    for unit in (unit for group in groups for unit in group.units()):
        found = store.unit(unit.address)
        if found is None:
            missing.append(unit.address)
        else:
            tables.append(found[0])
            costs.append(found[1])
    rows = pa.concat_tables([SCHEMA.empty_table(), *tables]).combine_chunks()
    rows = rows.sort_by([(name, "ascending") for name in ORDER])
    if not missing:
        _write(store, rows, [*costs, *_explanation_costs(store, groups)])
    return rows, missing


def _explanation_costs(store: RunStore, groups: Sequence[Group]) -> Iterable[dict[str, Any]]:
    """What the maps cost; their metric is empty."""
    for group in groups:
        kept = store.explanation(group.explanation)
        if kept is not None:
            yield kept[1]


def _write(store: RunStore, rows: pa.Table, costs: Sequence[dict[str, Any]]) -> None:
    folder = store.folder
    spent = pa.Table.from_pylist(json.loads(json.dumps(costs)), COSTS)
    write_durably(folder / "scores.parquet", lambda part: pq.write_table(rows, part))
    write_durably(folder / "scores.csv", lambda part: pa.csv.write_csv(rows, part))
    write_durably(folder / "costs.parquet", lambda part: pq.write_table(spent, part))
