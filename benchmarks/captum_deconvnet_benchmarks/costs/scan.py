"""What a top-9 scan of all convolutions costs, next to a bare forward pass over the same images.

The two take turns in one process, on one thread; CPU time is measured, which other programs disturb
least, and the median of the ratios counts. The memory peak is that of a
fresh process, for few images and for many. Run it as
``python -m captum_deconvnet_benchmarks.costs.scan``; with ``--write`` the result goes to
``benchmarks/results/scan_cost.json`` and the table into ``docs/gallery.md``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.measuring import (
    SEED,
    peak_bytes,
    peak_in_new_process,
    random_network,
    seconds_in_turns,
)
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

MODELS = ("vgg16", "resnet50")
BATCH = 8
RESULTS = Path("benchmarks/results/scan_cost.json")
MODULE = "captum_deconvnet_benchmarks.costs.scan"
COUNTS = (8, 32)
"""Images of the two scans whose memory is compared."""


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Interleaved timings.")
@click.option("--images", default=48, show_default=True, help="Images of one timing.")
@click.option("--write", is_flag=True, help="Write the result file and the table in the docs.")
@click.option("--peak", nargs=2, hidden=True, help="Internal: MODEL IMAGES, prints bytes.")
def main(rounds: int, images: int, write: bool, peak: tuple[str, str] | None) -> None:
    r"""Measure the scan of every convolution of vgg16 and resnet50.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.scan --rounds 5 --write
    """
    torch.set_num_threads(1)
    if peak is not None:
        click.echo(_peak(peak[0], int(peak[1])))
        return
    rows = [_measure(name, rounds, images) for name in MODELS]
    click.echo(markdown(rows))
    if write:
        save(rows)


def save(rows: list[dict[str, Any]]) -> None:
    """Write the result file, and the table where docs/gallery.md marks its place."""
    facts = provenance(SEED)
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nMeasured on {facts['machine']}, CPU time of one thread, medians, torch "
        f"{facts['torch']}, commit {facts['commit']}, {facts['date']}, by "
        "`python -m captum_deconvnet_benchmarks.costs.scan --write`.\n"
    )
    write_between(Path("docs/gallery.md"), "scan table", markdown(rows) + caption)


def _measure(name: str, rounds: int, count: int) -> dict[str, Any]:
    model, images = random_network(name), _images(count)
    layers = convolutions(model)
    calls: dict[str, Callable[[], object]] = {
        "bare": lambda: _bare(model, images),
        "scan": lambda: _scan(model, images),
    }
    calls["bare"]()
    times = [seconds_in_turns(calls, turn, time.process_time) for turn in range(rounds)]
    ratio = statistics.median(each["scan"] / each["bare"] for each in times)
    few, many = (peak_in_new_process(MODULE, name, images) for images in COUNTS)
    return {
        "model": name,
        "layers": len(layers),
        "maps": sum(model.get_submodule(path).out_channels for path in layers),
        "images": count,
        "bare forward": f"{statistics.median(each['bare'] for each in times):.2f} s",
        "top-9 scan": f"{statistics.median(each['scan'] for each in times):.2f} s",
        "scan / bare": f"{ratio:.3f}",
        f"peak, {COUNTS[0]} images": f"{few / 1e6:.0f} MB",
        f"peak, {COUNTS[1]} images": f"{many / 1e6:.0f} MB",
    }


def convolutions(model: nn.Module) -> list[str]:
    """The paths of all convolutions."""
    return [path for path, each in model.named_modules() if isinstance(each, nn.Conv2d)]


def _bare(model: nn.Module, images: Any) -> None:
    with torch.no_grad():
        for first in range(0, len(images), BATCH):
            model(torch.stack([images[number] for number in range(first, first + BATCH)]))


def _scan(model: nn.Module, images: Any) -> None:
    cdn.top_activations(model, convolutions(model), images, k=9, batch_size=BATCH)


class Noise:
    """Images made when asked for, so that none of them is memory of the scan."""

    def __init__(self, count: int) -> None:
        """As many images as ``count``."""
        self.count = count

    def __len__(self) -> int:
        """How many there are."""
        return self.count

    def __getitem__(self, number: int) -> torch.Tensor:
        """One image (3, 224, 224)."""
        return torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(number))


def _images(count: int) -> torch.Tensor:
    noise = Noise(count)
    return torch.stack([noise[number] for number in range(count)])


def _peak(name: str, count: int) -> int:
    model = random_network(name)
    _bare(model, Noise(BATCH))  # what torch allocates once is not the scan's
    return peak_bytes(lambda: _scan(model, Noise(count)))


if __name__ == "__main__":
    main()
