"""What one attribution costs, next to ``captum.attr.Deconvolution``.

Times are interleaved in one process and compared by their medians; memory peaks are the median of
three fresh processes each. Run it as
``python -m captum_deconvnet_benchmarks.costs.attribution``; with ``--write`` the
result goes to ``benchmarks/results/cost.json`` and the table into
``docs/attribution.md``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import captum.attr
import click
import torch
import torchvision

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.measuring import peak_bytes, saved_bytes
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

SEED = 0
TARGET = 1
PEAK_RUNS = 3
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
    result = json.dumps({"provenance": facts, "rows": rows}, indent=1)
    results = Path("benchmarks/results")
    results.mkdir(exist_ok=True)
    (results / "cost.json").write_text(result + "\n")
    source = (
        f"\nMeasured on {facts['machine']}, torch {facts['torch']}, captum {facts['captum']}, "
        f"commit {facts['commit']}, {facts['date']}, by "
        "`python -m captum_deconvnet_benchmarks.costs.attribution --write`.\n"
    )
    write_between(Path("docs/attribution.md"), "cost table", table(rows) + source)


def _measure(name: str, rounds: int) -> list[dict[str, Any]]:
    batch = MODELS[name]
    times = [_time_row(name, count, rounds) for count in sorted({1, batch})]
    peaks = {method: _peak_in_new_process(name, method, batch) for method in METHODS}
    model, images = _model(name), _images(batch)
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
    model, images = _model(name), _images(batch)
    calls = {method: _call(method, model, images) for method in METHODS}
    for call in calls.values():
        call()
    times = [_round(calls, number) for number in range(rounds)]
    medians = [statistics.median(each[method] for each in times) for method in METHODS]
    ratio = statistics.median(each["ours"] / each["captum"] for each in times)
    return medians[0], medians[1], ratio


def _round(calls: dict[str, Callable[[], object]], number: int) -> dict[str, float]:
    """The seconds of each method, which take turns in going first."""
    order = sorted(calls, reverse=bool(number % 2))
    return {method: _timed(calls[method]) for method in order}


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _call(method: str, model: torch.nn.Module, images: torch.Tensor) -> Callable[[], object]:
    attribution = METHODS[method](model)
    return lambda: attribution.attribute(images, target=TARGET)


def _peak_in_new_process(name: str, method: str, batch: int) -> int:
    """The median of a few processes: how much freed memory an allocator keeps is luck."""
    command = [sys.executable, "-m", __spec__.name, "--peak", name, method, str(batch)]
    answers = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for _ in range(PEAK_RUNS)
    ]
    return int(statistics.median(int(answer.split()[-1]) for answer in answers))


def _peak(name: str, method: str, batch: int) -> int:
    model = _model(name)
    with torch.no_grad():
        model(_images(1))  # what torch allocates once is not the method's
    return peak_bytes(_call(method, model, _images(batch)))


def _model(name: str) -> torch.nn.Module:
    torch.manual_seed(SEED)
    model: torch.nn.Module = torchvision.models.get_model(name, weights=None)
    return model.eval()


def _images(batch: int) -> torch.Tensor:
    return torch.rand(batch, 3, 224, 224, generator=torch.Generator().manual_seed(SEED))


if __name__ == "__main__":
    main()
