"""What one attribution costs, next to ``captum.attr.Deconvolution``.

Times are interleaved in one process and compared by their medians; memory peaks are the median of
three fresh processes each. Run it as
``python -m captum_deconvnet_benchmarks.costs.attribution``; with ``--write`` the
result goes to ``benchmarks/results/cost.json`` and the table into
``docs/attribution.md``.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import captum.attr
import click
import torch

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.measuring import (
    SEED,
    peak_bytes,
    peak_in_new_process,
    random_images,
    random_network,
    saved_bytes,
    seconds_in_turns,
)
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

TARGET = 1
MODULE = "captum_deconvnet_benchmarks.costs.attribution"
PEAK_RUNS = 3
RESULTS = Path("benchmarks/results/cost.json")
METHODS = {"ours": cdn.DeconvNet, "captum": captum.attr.Deconvolution}
MODELS = {"vgg16": 1, "resnet50": 16}
"""The models that are measured, with the batch at which memory is; time is, at one image too."""


@click.command()
@click.option("--rounds", default=15, show_default=True, help="Interleaved timings of one image.")
@click.option("--write", is_flag=True, help="Write the result file and docs/attribution.md.")
@click.option("--peak", nargs=3, hidden=True, help="Internal: MODEL METHOD BATCH, prints bytes.")
def main(rounds: int, write: bool, peak: tuple[str, str, str] | None) -> None:
    r"""Measure time and memory of one attribution, ours and Captum's.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.attribution --rounds 15 --write
    """
    warnings.filterwarnings("ignore", category=UserWarning, module="captum")
    if peak is not None:
        click.echo(_peak(peak[0], peak[1], int(peak[2])))
        return
    rows = [row for name in MODELS for row in _measure(name, rounds)]
    click.echo(table(rows))
    if write:
        save(rows)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a markdown table."""
    columns = {"model": "model", "what": "what", "ours": "ours", "captum": "captum", "ratio": ""}
    return markdown(
        [{columns[key] or "ours / captum": row[key] for key in columns} for row in rows]
    )


def save(rows: list[dict[str, Any]]) -> None:
    """Write the result file, and the table where docs/attribution.md marks its place."""
    facts = provenance(SEED)
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nMeasured on {facts['machine']}, torch {facts['torch']}, captum {facts['captum']}, "
        f"commit {facts['commit']}, {facts['date']}, by "
        "`python -m captum_deconvnet_benchmarks.costs.attribution --write`.\n"
    )
    write_between(Path("docs/attribution.md"), "cost table", table(rows) + caption)


def _measure(name: str, rounds: int) -> list[dict[str, Any]]:
    batch = MODELS[name]
    times = [_time_row(name, count, rounds) for count in sorted({1, batch})]
    peaks = {
        method: peak_in_new_process(MODULE, name, method, batch, runs=PEAK_RUNS)
        for method in METHODS
    }
    model, images = random_network(name), random_images(batch)
    kept, saved = cdn.record(model, images).nbytes, saved_bytes(model, images)
    return [
        *times,
        _bytes_row(name, f"peak above the model, batch {batch}", peaks["ours"], peaks["captum"]),
        _bytes_row(name, f"kept for the backward pass, batch {batch}", kept, saved),
    ]


def _time_row(name: str, batch: int, rounds: int) -> dict[str, Any]:
    ours, theirs, ratio = _seconds(name, batch, max(rounds // batch, 5))
    return _row(name, f"time, batch {batch}, median", f"{ours:.3f} s", f"{theirs:.3f} s", ratio)


def _row(name: str, what: str, ours: str, theirs: str, ratio: float) -> dict[str, Any]:
    return {"model": name, "what": what, "ours": ours, "captum": theirs, "ratio": f"{ratio:.3g}"}


def _bytes_row(name: str, what: str, ours: int, theirs: int) -> dict[str, Any]:
    return _row(name, what, f"{ours / 1e6:.1f} MB", f"{theirs / 1e6:.1f} MB", ours / theirs)


def _seconds(name: str, batch: int, rounds: int) -> tuple[float, float, float]:
    """Median seconds of ours and Captum's, and the median of the ratios of neighbouring runs."""
    model, images = random_network(name), random_images(batch)
    calls = {method: _call(method, model, images) for method in METHODS}
    for call in calls.values():
        call()
    times = [seconds_in_turns(calls, turn) for turn in range(rounds)]
    medians = [statistics.median(each[method] for each in times) for method in METHODS]
    ratio = statistics.median(each["ours"] / each["captum"] for each in times)
    return medians[0], medians[1], ratio


def _call(method: str, model: torch.nn.Module, images: torch.Tensor) -> Callable[[], object]:
    attribution = METHODS[method](model)
    return lambda: attribution.attribute(images, target=TARGET)


def _peak(name: str, method: str, batch: int) -> int:
    model = random_network(name)
    with torch.no_grad():
        model(random_images(1))  # what torch allocates once is not the method's
    return peak_bytes(_call(method, model, random_images(batch)))


if __name__ == "__main__":
    main()
