"""What a run leaves: ``run.json``, which says what was asked for, and the tables of all units."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from captum_deconvnet_benchmarks.protocol.reproducibility import provenance
from captum_deconvnet_benchmarks.runs.plan.plan import ExplanationTask, plan_facts
from captum_deconvnet_benchmarks.runs.plan.spec import Spec
from captum_deconvnet_benchmarks.runs.store.schema import COSTS, ORDER, SCHEMA
from captum_deconvnet_benchmarks.runs.store.store import RunStore, write_durably
from captum_deconvnet_benchmarks.runs.work.models import folder_of

NAME = "run.json"


def start_record(folder: Path, spec: Spec, tasks: Sequence[ExplanationTask]) -> None:
    """Write down what is about to be done."""
    models = {task.identity.model: task for task in tasks}
    facts = {
        "spec": spec.as_plain(),
        "provenance": provenance(spec.seed),
        "started": _now(),
        "finished": None,
        "models": [
            {
                "model": name,
                "weights": task.identity.weights,
                "layer": task.identity.layer,
                "images": folder_of(name),
            }
            for name, task in models.items()
        ],
        **plan_facts(tasks),
    }
    _write_record(folder / NAME, facts)


def finish_record(folder: Path) -> None:
    """Add the time at which the tables were written."""
    facts = json.loads((folder / NAME).read_text(encoding="utf-8"))
    _write_record(folder / NAME, facts | {"finished": _now()})


def _write_record(path: Path, facts: dict[str, Any]) -> None:
    text = json.dumps(facts, indent=1) + "\n"
    write_durably(path, lambda part: part.write_text(text, encoding="utf-8"))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def merge(store: RunStore, tasks: Sequence[ExplanationTask]) -> tuple[pa.Table, list[str]]:
    """Write the tables if all units are there; returns the rows, and the units that are missing.

    The rows of a table are in one order, whoever wrote them and when.
    """
    tables, costs, missing = [], [], []
    for unit in (unit for task in tasks for unit in task.units()):
        found = store.unit(unit.address)
        if found is None:
            missing.append(unit.address)
        else:
            tables.append(found[0])
            costs.append(found[1])
    rows = pa.concat_tables([SCHEMA.empty_table(), *tables]).combine_chunks()
    rows = rows.sort_by([(name, "ascending") for name in ORDER])
    if not missing:
        _write_tables(store, rows, [*costs, *_explanation_costs(store, tasks)])
    return rows, missing


def _explanation_costs(
    store: RunStore, tasks: Sequence[ExplanationTask]
) -> Iterable[dict[str, Any]]:
    """What the maps cost; their metric is empty."""
    for task in tasks:
        kept = store.explanation(task.explanation)
        if kept is not None:
            yield kept[1]


def _write_tables(store: RunStore, rows: pa.Table, costs: Sequence[dict[str, Any]]) -> None:
    folder = store.folder
    spent = pa.Table.from_pylist(json.loads(json.dumps(costs)), COSTS)
    write_durably(folder / "scores.parquet", lambda part: pq.write_table(rows, part))
    write_durably(folder / "scores.csv", lambda part: pa.csv.write_csv(rows, part))
    write_durably(folder / "costs.parquet", lambda part: pq.write_table(spent, part))
