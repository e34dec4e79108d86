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
from captum_deconvnet_benchmarks.runs.plan.plan import Group, device_of
from captum_deconvnet_benchmarks.runs.plan.planning import received_plan, sent, start_plan
from captum_deconvnet_benchmarks.runs.plan.spec import Spec
from captum_deconvnet_benchmarks.runs.progress import Progress
from captum_deconvnet_benchmarks.runs.store.merge import merge
from captum_deconvnet_benchmarks.runs.store.record import finish_record
from captum_deconvnet_benchmarks.runs.store.rows import FAILED, SKIPPED
from captum_deconvnet_benchmarks.runs.store.store import RunStore
from captum_deconvnet_benchmarks.runs.work.subjects import Studios
from captum_deconvnet_benchmarks.runs.work.worker import Worker

SHOWN = 5


@dataclass(frozen=True)
class Order:
    """What the user asked for; see ``deconvnet bench run --help``."""

    spec: Spec
    out: Path
    retry: bool = False


def run(order: Order) -> int:
    """Do what is not done, and write the tables.

    Returns:
        How many units are missing; 0 if the tables are whole.
    """
    make_folder(order.out)
    store = RunStore(order.out)
    shared = under_torchrun("bench run")
    studios = Studios(order.spec, device_of(order.spec, int(os.environ.get("LOCAL_RANK", "0"))))
    if shared is None:
        groups, pending = start_plan(studios, store, retry=order.retry)
        work(order, store, studios, [groups[number] for number in pending])
        return finish(order, store, groups)
    if shared.leads:
        groups, pending = start_plan(studios, store, retry=order.retry)
        sent(shared, groups, pending)
    else:
        groups, pending = received_plan(shared, order.spec)
    work(order, store, studios, [groups[number] for number in pending], shared)
    shared.meet("worked")
    missing = finish(order, store, groups) if shared.leads else 0
    shared.meet("left")
    return missing


def work(
    order: Order,
    store: RunStore,
    studios: Studios,
    groups: Sequence[Group],
    shared: SharedWork | None = None,
) -> None:
    """Do the groups, or those of them that no other process has taken."""
    rank = shared.rank if shared else 0
    worker = Worker(store, studios, rank, order.retry)
    taken: Iterable[int] = range(len(groups))
    if shared is not None:
        taken = shared.take(range(len(groups)))
    with Progress(groups, shared) as progress:
        for number in taken:
            progress.reach(number)
            worker.do(groups[number], progress.told)


def finish(order: Order, store: RunStore, groups: Sequence[Group]) -> int:
    """Write the tables and say what is in them; how many units are missing."""
    rows, missing = merge(store, groups)
    if not missing:
        finish_record(order.out)
    tell(rows, order.out)
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
