"""What invariance curves cost, next to the bare forwards of the same transformed images.

Both go through the images in the same batches; only the curves have the transforms, the distances
at every stage and the probabilities on top. Times are interleaved in one process. Run it as
``python -m captum_deconvnet_benchmarks.invariance_cost``; with ``--write`` the result goes to
``benchmarks/results/invariance_cost.json`` and the table into ``docs/invariance.md``.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet.invariance.sampling import Sampling
from captum_deconvnet.invariance.transforms import transform_of
from captum_deconvnet.registry.stages import find_stages
from captum_deconvnet_benchmarks.cost import SEED, _images, _model
from captum_deconvnet_benchmarks.provenance import provenance
from captum_deconvnet_benchmarks.tables import markdown, write_between

VALUES = tuple(range(-60, 61, 3))
"""41 translations; the 0 among them is the image itself."""

IMAGES = 5
BATCH = 16
PAGE = Path("docs/invariance.md")
RESULT = Path("benchmarks/results/invariance_cost.json")


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Interleaved rounds of every net.")
@click.option("--images", default=IMAGES, show_default=True, help="How many images.")
@click.option("--write", is_flag=True, help="Write the result file and the table in the page.")
@click.argument("models", nargs=-1)
def main(rounds: int, images: int, write: bool, models: tuple[str, ...]) -> None:
    r"""Measure the curves of 41 translations at all stages against the bare forwards.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.invariance_cost resnet50 --rounds 3 --write
    """
    rows = [measure(name, images, rounds) for name in models or ("resnet50",)]
    click.echo(markdown(rows))
    if write:
        save(rows)


def measure(name: str, count: int, rounds: int) -> dict[str, Any]:
    """One row: medians of both, and the median of the ratios of neighbouring runs."""
    model, images = _model(name), _images(count)
    stages = find_stages(model, images[:1])
    invariance = cdn.FeatureInvariance(model, stages)
    bare = moved(images)
    calls: dict[str, Callable[[], object]] = {
        "bare": lambda: forwards(model, bare),
        "curves": lambda: invariance.attribute(images, 1, values=VALUES, batch_size=BATCH),
    }
    forwards(model, bare[:BATCH])
    times = [one_round(calls, number) for number in range(rounds)]
    bare_time, time_ = (statistics.median(each[call] for each in times) for call in calls)
    ratios = [each["curves"] / each["bare"] for each in times]
    return {
        "model": name,
        "images": count,
        "translations": len(VALUES),
        "stages": len(stages),
        "bare forwards": f"{bare_time:.1f} s",
        "curves": f"{time_:.1f} s",
        "curves / bare": f"{statistics.median(ratios):.3f}",
        "rounds": ", ".join(f"{ratio:.3f}" for ratio in ratios),
    }


def moved(images: Tensor) -> Tensor:
    """Every version of every image, made beforehand, image after image, as the curves make them."""
    transform = transform_of("translation")
    versions = [transform(images, value, Sampling()) for value in VALUES]
    return torch.stack(versions, 1).flatten(0, 1)


def forwards(model: nn.Module, versions: Tensor) -> None:
    """The bare forwards."""
    with torch.no_grad():
        for batch in torch.split(versions, BATCH):
            model(batch)


def one_round(calls: dict[str, Callable[[], object]], number: int) -> dict[str, float]:
    """The seconds of both, which take turns in going first."""
    times = {}
    for name in sorted(calls, reverse=bool(number % 2)):
        start = time.perf_counter()
        calls[name]()
        times[name] = time.perf_counter() - start
    return times


def save(rows: list[dict[str, Any]]) -> None:
    """Write the result file, and the table where the page marks its place."""
    facts = provenance(SEED)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"provenance": facts, "rows": rows}, indent=1) + "\n")
    source = (
        f"\nMeasured on {facts['machine']}, torch {facts['torch']}, commit {facts['commit']}, "
        f"{facts['date']}, by `python -m captum_deconvnet_benchmarks.invariance_cost --write`.\n"
    )
    write_between(PAGE, "invariance cost table", markdown(rows) + source)


if __name__ == "__main__":
    main()
