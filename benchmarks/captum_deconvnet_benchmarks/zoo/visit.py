"""One run of the sweep: which nets there are, what is left to do, progress, and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.errors import unknown_name
from captum_deconvnet_benchmarks.zoo import census
from captum_deconvnet_benchmarks.zoo.provenance import circumstances, write
from captum_deconvnet_benchmarks.zoo.row import NAME, SweepRow, append, read, rows_path
from captum_deconvnet_benchmarks.zoo.sweep import Sweep, work


@dataclass(frozen=True)
class Collection:
    """Nets that are swept together.

    Args:
        file: what their files are called after.
        names: the full names that fit a pattern.
        work: what a child process does with a name, its pipe, and ``seed``.
        packages: the distributions whose versions are noted beside those of the zoo.
        row: what a row of them holds.
    """

    file: str
    names: Callable[[str], list[str]]
    work: Callable[..., None]
    packages: Callable[[], tuple[str, ...]] = tuple
    row: type[SweepRow] = SweepRow


ZOO = Collection(NAME, census.names, work)
"""torchvision's and timm's nets."""


@dataclass(frozen=True)
class Plan:
    """What was asked for.

    Args:
        pattern: shell wildcards on full names.
        shard: which part of how many.
        jobs: processes.
        out: folder for rows and sidecar.
        timeout: seconds a model may take.
        seed: of weights and pictures.
        again: whether to visit models that have a row.
        nets: what is swept.
    """

    pattern: str
    shard: tuple[int, int]
    jobs: int
    out: Path
    timeout: float
    seed: int
    again: bool
    nets: Collection = ZOO


def visit(plan: Plan) -> None:
    """Visit the models that are left, and write each row as it comes.

    Raises:
        UnknownNameError: no model fits the pattern.
    """
    torch.set_num_threads(1)  # a parent with a thread pool must not fork
    tqdm.tqdm.monitor_interval = 0  # nor one with tqdm's own thread
    plan.out.mkdir(parents=True, exist_ok=True)
    path = rows_path(plan.out, plan.shard, plan.nets.file)
    facts = circumstances(plan.seed, plan.jobs, plan.timeout, plan.nets.packages())
    write(path.with_suffix(".json"), facts)
    names = left(plan)
    sweep = Sweep(names, partial(plan.nets.work, seed=plan.seed), plan.jobs, plan.timeout)
    for row in tqdm.tqdm(sweep.rows(), total=len(names), unit="model"):
        append(path, row, plan.nets.row)


def left(plan: Plan) -> list[str]:
    """The shard's models that have no row yet."""
    fitting = plan.nets.names(plan.pattern)
    if not fitting:
        raise unknown_name("model", plan.pattern, plan.nets.names("*"))
    number, count = plan.shard
    done = {} if plan.again else read(plan.out, plan.nets.file, plan.nets.row)
    return [name for name in fitting[number - 1 :: count] if name not in done]
