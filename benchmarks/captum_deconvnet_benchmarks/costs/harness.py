"""What the harness costs beside the bare computation of the same maps and scores.

Both load the model and the pictures, explain every block and score the maps; the harness also
plans, addresses, meters, stores and merges. They take turns in one process. Run it as
``python -m captum_deconvnet_benchmarks.costs.harness``; with ``--write`` the result goes to
``benchmarks/results/harness_cost.json`` and the table into ``docs/benchmark.md``.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image

from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.measuring import SEED, seconds
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance
from captum_deconvnet_benchmarks.runs.plan.plan import select
from captum_deconvnet_benchmarks.runs.plan.spec import ModelChoice, Parameters, Spec
from captum_deconvnet_benchmarks.runs.run import RunRequest, run_benchmark
from captum_deconvnet_benchmarks.runs.work.models import RunModel

RESULTS, PAGE = Path("benchmarks/results/harness_cost.json"), Path("docs/benchmark.md")
MODEL = "torchvision/resnet18"
EXPLAINERS = ("deconvnet", "captum/input-x-gradient")
METRICS = ("deletion_insertion", "complexity")
STEPS = 4
IMAGES, SIDE, BLOCK = 16, 256, 4


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Interleaved timings.")
@click.option("--write", is_flag=True, help=f"Write {RESULTS} and the table in {PAGE}.")
def main(rounds: int, write: bool) -> None:
    r"""Measure what the harness adds to the bare computation.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.harness --rounds 5 --write
    """
    with tempfile.TemporaryDirectory() as folder:
        row = measure(Path(folder), rounds)
    click.echo(markdown([row]))
    if write:
        save(row)


def save(row: dict[str, Any]) -> None:
    """Write the result file, and the table where docs/benchmark.md marks its place."""
    facts = provenance(SEED)
    write_rows(RESULTS, facts, [row])
    caption = (
        "\nFrom nothing to tables, beside the same maps and scores kept nowhere; "
        f"{facts['machine']}, torch {facts['torch']}, commit {facts['commit']}, {facts['date']}, "
        "by `python -m captum_deconvnet_benchmarks.costs.harness --write`.\n"
    )
    write_between(PAGE, "harness cost table", markdown([row]) + caption)


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Median seconds of both, and the median of the ratios of neighbours."""
    choice = ModelChoice(MODEL, "random", str(draw_pictures(folder)))
    steps: Parameters = {"metrics": {"deletion_insertion": {"steps": STEPS}}}
    spec = Spec((choice,), EXPLAINERS, METRICS, block=BLOCK, parameters=steps)
    bare(spec)
    pairs = [pair(spec, folder / f"run{number}", number) for number in range(rounds)]
    return {
        "model": MODEL,
        "images": IMAGES,
        "explainers": ", ".join(EXPLAINERS),
        "metrics": ", ".join(METRICS),
        "harness, s": f"{statistics.median(whole for whole, _ in pairs):.2f}",
        "bare, s": f"{statistics.median(plain for _, plain in pairs):.2f}",
        "harness / bare": f"{statistics.median(whole / plain for whole, plain in pairs):.3f}",
    }


def pair(spec: Spec, out: Path, number: int) -> tuple[float, float]:
    """Seconds of the harness and of the bare computation, which take turns in going first."""
    calls: list[Callable[[], object]] = [lambda: harness(spec, out), lambda: bare(spec)]
    order = (0, 1) if number % 2 else (1, 0)
    found = {each: seconds(calls[each]) for each in order}
    return found[0], found[1]


def harness(spec: Spec, out: Path) -> None:
    """The run, from nothing to its tables."""
    with contextlib.redirect_stderr(io.StringIO()):
        missing = run_benchmark(RunRequest(spec, out))
    if missing:
        raise RuntimeError(f"{missing} units are missing")


def bare(spec: Spec) -> None:
    """The same maps and scores, kept nowhere."""
    run_model = RunModel(spec, spec.models[0], torch.device(spec.device))
    selection = select(spec, spec.models[0])
    for start in run_model.starts():
        block = run_model.block(start)
        target = torch.tensor(run_model.targets(block))
        seeds = list(range(len(block.names)))
        for explainer in selection.explainers:
            bound = BoundExplainer(explainer, run_model.subject)
            maps = bound(block.inputs, target, seeds)
            for metric in selection.metrics:
                metric.on(run_model.subject).evaluate(
                    bound, block.inputs, target, attributions=maps, seeds=seeds
                )


def draw_pictures(folder: Path) -> Path:
    """Pictures of noise."""
    draw = np.random.default_rng(SEED)
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(IMAGES):
        pixels = draw.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{number:02d}.png")
    return pictures


if __name__ == "__main__":
    main()
