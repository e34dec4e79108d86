"""What invariance curves cost, next to the bare forwards of the same transformed images.

Both go through the images in the same batches; only the curves have the transforms, the distances
at every stage and the probabilities on top. The two are interleaved, image by image, in one
process. Run it as
``python -m captum_deconvnet_benchmarks.costs.invariance``; with ``--write`` the result goes to
``benchmarks/results/invariance_cost.json`` and the table into ``docs/invariance.md``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet.invariance.placement import Sampling
from captum_deconvnet.invariance.transforms import transform_of
from captum_deconvnet.registry.stages import find_stages
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.measuring import SEED, random_images, random_network
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

VALUES = tuple(range(-60, 61, 3))
"""41 translations; the 0 among them is the image itself."""

IMAGES = 5
BATCH = 16
PAGE = Path("docs/invariance.md")
RESULTS = Path("benchmarks/results/invariance_cost.json")

CALLS = ("bare", "curves")


@dataclass(frozen=True)
class Seconds:
    """How long a call took, by the clock and of the processor (which others do not slow down)."""

    wall: float
    processor: float


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Interleaved rounds of every net.")
@click.option("--images", default=IMAGES, show_default=True, help="How many images.")
@click.option("--write", is_flag=True, help="Write the result file and the table in the page.")
@click.argument("models", nargs=-1)
def main(rounds: int, images: int, write: bool, models: tuple[str, ...]) -> None:
    r"""Measure the curves of 41 translations at all stages against the bare forwards.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.invariance resnet50 --rounds 3 --write
    """
    rows = [measure(name, images, rounds) for name in models or ("resnet50",)]
    click.echo(markdown(rows))
    if write:
        save(rows)


def measure(name: str, count: int, rounds: int) -> dict[str, Any]:
    """One row: both for every image in turn, sums of medians, and medians of all ratios."""
    model, images = random_network(name), random_images(count)
    stages = find_stages(model, images[:1])
    invariance = cdn.FeatureInvariance(model, stages)
    forwards(model, images)
    pairs = [
        one_pair(model, invariance, image[None], turn) for turn in range(rounds) for image in images
    ]
    seconds = {call: statistics.median(pair[call].wall for pair in pairs) for call in CALLS}
    wall = [pair["curves"].wall / pair["bare"].wall for pair in pairs]
    processor = [pair["curves"].processor / pair["bare"].processor for pair in pairs]
    return {
        "model": name,
        "images": count,
        "translations": len(VALUES),
        "stages": len(stages),
        "bare forwards, an image": f"{seconds['bare']:.1f} s",
        "curves, an image": f"{seconds['curves']:.1f} s",
        "curves / bare, median": f"{statistics.median(wall):.3f}",
        "least to most": f"{min(wall):.3f} to {max(wall):.3f}",
        "of processor time": f"{statistics.median(processor):.3f}",
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


def one_pair(
    model: nn.Module, invariance: cdn.FeatureInvariance, image: Tensor, turn: int
) -> dict[str, Seconds]:
    """What both take for one image; they take turns in going first."""
    versions = moved(image)
    calls: dict[str, Callable[[], object]] = {
        "bare": lambda: forwards(model, versions),
        "curves": lambda: invariance.attribute(image, 1, values=VALUES, batch_size=BATCH),
    }
    return {name: timed(calls[name]) for name in sorted(CALLS, reverse=bool(turn % 2))}


def timed(call: Callable[[], object]) -> Seconds:
    """How long a call takes."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Seconds(time.perf_counter() - wall, time.process_time() - processor)


def save(rows: list[dict[str, Any]]) -> None:
    """Write the result file, and the table where the page marks its place."""
    facts = provenance(SEED)
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nMeasured on {facts['machine']}, torch {facts['torch']}, commit {facts['commit']}, "
        f"{facts['date']}, by `python -m captum_deconvnet_benchmarks.costs.invariance --write`.\n"
    )
    write_between(PAGE, "invariance cost table", markdown(rows) + caption)


if __name__ == "__main__":
    main()
