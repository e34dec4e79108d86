"""A run from its spec to its tables, alone or shared by the processes of torchrun."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pyarrow as pa

from captum_deconvnet.cli.output import make_folder
from captum_deconvnet.gallery.shared_work import SharedWork, under_torchrun
from captum_deconvnet_benchmarks.runs.plan.plan import (
    ExplanationTask,
    device_of,
    received_plan,
    sent,
    start_plan,
)
from captum_deconvnet_benchmarks.runs.plan.spec import Spec
from captum_deconvnet_benchmarks.runs.progress import Progress
from captum_deconvnet_benchmarks.runs.store.results import finish_record, merge, start_record
from captum_deconvnet_benchmarks.runs.store.schema import FAILED, SKIPPED
from captum_deconvnet_benchmarks.runs.store.store import RunStore
from captum_deconvnet_benchmarks.runs.work.models import RunModels
from captum_deconvnet_benchmarks.runs.work.worker import Worker

SHOWN = 5


@dataclass(frozen=True)
class RunRequest:
    """What the user asked for; see ``deconvnet bench run --help``."""

    spec: Spec
    out: Path
    retry: bool = False


def run_benchmark(request: RunRequest) -> int:
    """Do what is not done, and write the tables.

    Returns:
        How many units are missing; 0 if the tables are whole.
    """
    make_folder(request.out)
    store = RunStore(request.out)
    shared = under_torchrun("bench run")
    run_models = RunModels(
        request.spec, device_of(request.spec, int(os.environ.get("LOCAL_RANK", "0")))
    )
    if shared is None:
        tasks, pending = start_plan(run_models, store, retry=request.retry)
        start_record(request.out, request.spec, tasks)
        work(request, store, run_models, [tasks[number] for number in pending])
        return finish(request, store, tasks)
    if shared.is_leader:
        tasks, pending = start_plan(run_models, store, retry=request.retry)
        start_record(request.out, request.spec, tasks)
        sent(shared, tasks, pending)
    else:
        tasks, pending = received_plan(shared, request.spec)
    work(request, store, run_models, [tasks[number] for number in pending], shared)
    shared.wait_for_all("worked")
    missing = finish(request, store, tasks) if shared.is_leader else 0
    shared.wait_for_all("left")
    return missing


def work(
    request: RunRequest,
    store: RunStore,
    run_models: RunModels,
    tasks: Sequence[ExplanationTask],
    shared: SharedWork | None = None,
) -> None:
    """Do the tasks, or those of them that no other process has taken."""
    rank = shared.rank if shared else 0
    worker = Worker(store, run_models, rank, request.retry)
    taken: Iterable[int] = range(len(tasks))
    if shared is not None:
        taken = shared.take(range(len(tasks)))
    with Progress(tasks, shared) as progress:
        for number in taken:
            progress.reach(number)
            worker.do(tasks[number], progress.told)


def finish(request: RunRequest, store: RunStore, tasks: Sequence[ExplanationTask]) -> int:
    """Write the tables and say what is in them; how many units are missing."""
    rows, missing = merge(store, tasks)
    if not missing:
        finish_record(request.out)
    tell(rows, request.out)
    if missing:
        click.echo(
            f"{len(missing)} units are missing, so no tables were written: run the command again.",
            err=True,
        )
    return len(missing)


def tell(rows: pa.Table, out: Path) -> None:
    """Say how many units came out well, and why others did not."""
    states = Counter(dict(zip(*_columns(rows, "unit", "status"), strict=True)).values())
    words = ", ".join(f"{count} {status}" for status, count in sorted(states.items()))
    click.echo(f"{out}: {sum(states.values())} units, {words}", err=True)
    for status in (SKIPPED, FAILED):
        picked = [row for row in _reasons(rows) if row[0] == status]
        for (_, explainer, metric, model, reason), count in Counter(picked).most_common(SHOWN):
            click.echo(f"{status} ({count}): {model}, {explainer}, {metric}: {reason}", err=True)
        left = len(set(picked)) - SHOWN
        if left > 0:
            click.echo(f"{status}: and {left} more; see scores.csv", err=True)
    if states[FAILED]:
        click.echo("--retry does again what failed.", err=True)


def _reasons(rows: pa.Table) -> list[tuple[str, ...]]:
    names = ("status", "explainer", "metric", "model", "reason")
    return list(zip(*_columns(rows, *names), strict=True))


def _columns(rows: pa.Table, *names: str) -> list[list[str]]:
    return [rows[name].to_pylist() for name in names]
