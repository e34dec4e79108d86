"""What starting costs: the package's import and the commands that only list, beside torch's import.

Each runs in a fresh process; they take turns, and the processor time of each process is measured,
which other programs disturb least. The median of the ratios to ``import torch`` counts. Run it as
``python -m captum_deconvnet_benchmarks.costs.start_up``; with ``--write`` the result goes to
``benchmarks/results/start_up.json`` and the table into ``docs/attribution.md``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.measuring import SEED, seconds_in_turns
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

TORCH = "import torch"
COMMAND = "from captum_deconvnet.cli import main; main(prog_name='deconvnet')"
EVERY_NAME = "import captum_deconvnet as cdn; [getattr(cdn, name) for name in cdn.__all__]"
COMPLETION = {
    "_DECONVNET_COMPLETE": "bash_complete",
    "COMP_WORDS": "deconvnet pro",
    "COMP_CWORD": "1",
}
CASES: Mapping[str, tuple[str, ...]] = {
    "an empty program": ("pass",),
    TORCH: (TORCH,),
    "import torch; import captum": ("import torch; import captum",),
    "import captum_deconvnet": ("import captum_deconvnet",),
    "every public name of it": (EVERY_NAME,),
    "deconvnet --help": (COMMAND, "--help"),
    "deconvnet plugins": (COMMAND, "plugins"),
    "deconvnet models": (COMMAND, "models"),
    "deconvnet project --help": (COMMAND, "project", "--help"),
    "shell completion": (COMMAND,),
}
NAMED = tuple(name for name in CASES if name.startswith(("import", "deconvnet")))
"""Cases that are called by what is typed."""

RESULTS = Path("benchmarks/results/start_up.json")


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Interleaved timings.")
@click.option("--write", is_flag=True, help="Write the result file and the table in the docs.")
def main(rounds: int, write: bool) -> None:
    r"""Measure what it costs to import the package and to list things.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.start_up --rounds 7 --write
    """
    calls = {name: partial(start, name) for name in CASES}
    seconds_in_turns(calls, 0)  # the first reading of files from disk is not counted
    times = [seconds_in_turns(calls, turn, processor_seconds) for turn in range(rounds)]
    rows = [row(name, times) for name in CASES]
    click.echo(markdown(rows))
    if write:
        save(rows)


def start(name: str) -> None:
    """Run one case in a process of its own."""
    variables = COMPLETION if name == "shell completion" else {}
    subprocess.run(
        [sys.executable, "-c", *CASES[name]],
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def processor_seconds() -> float:
    """Processor time of all child processes that have ended, by this one."""
    spent = os.times()
    return spent.children_user + spent.children_system


def row(name: str, times: list[dict[str, float]]) -> dict[str, Any]:
    """One line of the table."""
    return {
        "start": f"`{name}`" if name in NAMED else name,
        "processor time": f"{statistics.median(each[name] for each in times):.2f} s",
        "to `import torch`": f"{statistics.median(each[name] / each[TORCH] for each in times):.2f}",
    }


def save(rows: list[dict[str, Any]]) -> None:
    """Write the result file, and the table where docs/attribution.md marks its place."""
    facts = provenance(SEED)
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nMeasured on {facts['machine']}, medians, torch {facts['torch']}, commit "
        f"{facts['commit']}, {facts['date']}, by "
        "`python -m captum_deconvnet_benchmarks.costs.start_up --write`.\n"
    )
    write_between(Path("docs/attribution.md"), "start-up table", markdown(rows) + caption)


if __name__ == "__main__":
    main()
