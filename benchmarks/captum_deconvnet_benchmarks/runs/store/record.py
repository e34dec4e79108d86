"""``run.json``: what a run was asked for, where and when, and which files hold what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from captum_deconvnet_benchmarks.protocol.provenance import provenance
from captum_deconvnet_benchmarks.runs.plan.plan import Group, plan_facts
from captum_deconvnet_benchmarks.runs.plan.spec import Spec
from captum_deconvnet_benchmarks.runs.store.files import write_durably
from captum_deconvnet_benchmarks.runs.work.subjects import folder_of

NAME = "run.json"


def start_record(folder: Path, spec: Spec, groups: Sequence[Group]) -> None:
    """Write down what is about to be done."""
    models = {group.place.model: group for group in groups}
    facts = {
        "spec": spec.as_plain(),
        "provenance": provenance(spec.seed),
        "started": _now(),
        "finished": None,
        "models": [
            {
                "model": name,
                "weights": group.place.weights,
                "layer": group.place.layer,
                "images": folder_of(name),
            }
            for name, group in models.items()
        ],
        **plan_facts(groups),
    }
    _write(folder / NAME, facts)


def finish_record(folder: Path) -> None:
    """Add the time at which the tables were written."""
    facts = json.loads((folder / NAME).read_text(encoding="utf-8"))
    _write(folder / NAME, facts | {"finished": _now()})


def _write(path: Path, facts: dict[str, Any]) -> None:
    text = json.dumps(facts, indent=1) + "\n"
    write_durably(path, lambda part: part.write_text(text, encoding="utf-8"))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
