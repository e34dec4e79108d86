"""Units projected per second, next to ``captum.attr.NeuronDeconvolution``.

The strongest unit of every map of a layer, after its ReLU, of one photograph: ours all at once
with ``project_patches``, Captum's class one by one. Captum is timed on a few units a layer, between
parts of our run in the same process. Wall clock and processor time are both given: on a machine
that does other things as well, the second is the steadier one. Weights are random, so that
nothing is downloaded. Run it as ``python -m captum_deconvnet_benchmarks.costs.units``; with
``--write`` the result goes to ``benchmarks/results/units.json`` and the table into
``docs/units.md``.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import captum.attr
import click
import torch
import torchvision
from skimage import data
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.measuring import (
    SEED,
    peak_bytes,
    peak_in_new_process,
    random_network,
)
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

CAPTUM_UNITS = 5
RESULTS = Path("benchmarks/results/units.json")
MODULE = "captum_deconvnet_benchmarks.costs.units"

LAYERS = {
    "vgg16": {
        f"relu{block}_{number}": f"features.{place}"
        for block, places in enumerate(
            [(1, 3), (6, 8), (11, 13, 15), (18, 20, 22), (25, 27, 29)], start=1
        )
        for number, place in enumerate(places, start=1)
    },
    "resnet50": {f"stage {number}": f"layer{number}" for number in (1, 2, 3, 4)},
}
"""The layers that are measured: by the paper's name, their path."""


@click.command()
@click.option(
    "--model", "models", multiple=True, type=click.Choice([*LAYERS]), help="Default: all."
)
@click.option("--layer", "layers", multiple=True, help="Only layers of this name, as relu5_3.")
@click.option("--maps", type=int, help="At the most so many maps a layer, evenly spread.")
@click.option("--threads", default=2, show_default=True, help="Threads of torch, for both.")
@click.option("--write", is_flag=True, help="Write the result file and the table in docs/units.md.")
@click.option("--peak", nargs=3, hidden=True, help="Internal: MODEL PATH UNITS, prints bytes.")
def main(
    models: tuple[str, ...],
    layers: tuple[str, ...],
    maps: int | None,
    threads: int,
    write: bool,
    peak: tuple[str, str, str] | None,
) -> None:
    r"""Measure how many units are projected per second, ours and Captum's.

    \b
    Examples:
      python -m captum_deconvnet_benchmarks.costs.units --write
      python -m captum_deconvnet_benchmarks.costs.units --model vgg16 --layer relu3_3 --maps 64
    """
    warnings.filterwarnings("ignore", category=UserWarning, module="captum")
    torch.set_num_threads(threads)
    if peak is not None:
        click.echo(peak_of(peak[0], peak[1], int(peak[2])))
        return
    rows = [row for name in models or LAYERS for row in measure(name, layers, maps)]
    click.echo(table(rows))
    if write:
        save(rows, threads)


def measure(name: str, wanted: Sequence[str], maps: int | None) -> list[dict[str, Any]]:
    """One row a layer, and one for all of them together."""
    paths = {layer: path for layer, path in LAYERS[name].items() if not wanted or layer in wanted}
    model, image = random_network(name), photograph()
    rows = []
    for layer, path in paths.items():
        recording = cdn.record(model, image, path)
        rows.append({"model": name, "layer": layer, **compare(recording, model, image, path, maps)})
        rows[-1]["peak MB"] = peak_in_new_process(MODULE, name, path, rows[-1]["units"]) / 1e6
        click.echo(table(rows[-1:]), err=True)
    return [*rows, together(name, rows)] if len(rows) == len(LAYERS[name]) > 4 else rows


def compare(
    recording: cdn.Recording, model: nn.Module, image: Tensor, path: str, maps: int | None
) -> dict[str, Any]:
    """Seconds a unit of ours and of Captum's, by the clock and of the processor."""
    every = recording.strongest(path)
    units = every[:: -(-len(every) // (maps or len(every)))]
    captum_one = captum.attr.NeuronDeconvolution(model, model.get_submodule(path))
    batches = [units[start::CAPTUM_UNITS] for start in range(min(CAPTUM_UNITS, len(units)))]
    recording.project_patches(units[:2])  # what is worked out once
    ours, theirs = [], []
    for batch in batches:
        unit = batch[0]
        position = (unit.channel, unit.row, unit.column)
        theirs.append(timed(lambda position=position: captum_one.attribute(image, position)))  # type: ignore[misc]
        ours.append(timed(lambda batch=batch: recording.project_patches(batch)))  # type: ignore[misc]
    seconds = [sum(times) / len(units) for times in zip(*ours, strict=True)]
    captum_seconds = [statistics.median(times) for times in zip(*theirs, strict=True)]
    return {"units": len(units), "of maps": len(every), "ours": seconds, "captum": captum_seconds}


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


def together(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All layers' maps: the layers' units times their seconds."""
    total = sum(row["of maps"] for row in rows)
    sums = {
        who: [sum(row["of maps"] * row[who][kind] for row in rows) / total for kind in (0, 1)]
        for who in ("ours", "captum")
    }
    units = sum(row["units"] for row in rows)
    worst = max(row["peak MB"] for row in rows)
    return {
        "model": name,
        "layer": "all",
        "units": units,
        "of maps": total,
        **sums,
        "peak MB": worst,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a markdown table."""
    return markdown(
        [
            {
                "model": row["model"],
                "layer": row["layer"],
                "units": f"{row['units']} of {row['of maps']}",
                "ours, ms a unit": f"{row['ours'][0] * 1e3:.2f}",
                "captum, ms a unit": f"{row['captum'][0] * 1e3:.0f}",
                "captum / ours": f"{row['captum'][0] / row['ours'][0]:.1f}",
                "of processor time": f"{row['captum'][1] / row['ours'][1]:.1f}",
                "peak, MB": f"{row['peak MB']:.0f}",
            }
            for row in rows
        ]
    )


def save(rows: list[dict[str, Any]], threads: int) -> None:
    """Write the result file, and the table where docs/units.md marks its place."""
    facts = provenance(SEED)
    write_rows(RESULTS, facts, rows, threads=threads)
    caption = (
        f"\nMeasured on {facts['machine']}, {threads} threads, torch {facts['torch']}, captum "
        f"{facts['captum']}, commit {facts['commit']}, {facts['date']}, by "
        "`python -m captum_deconvnet_benchmarks.costs.units --write`.\n"
    )
    write_between(Path("docs/units.md"), "units table", table(rows) + caption)


def peak_of(name: str, path: str, count: int) -> int:
    """How far memory rises while the patches of a few units are made, recording not counted."""
    recording = cdn.record(random_network(name), photograph(), path)
    units = recording.strongest(path)[: min(count, 64)]
    return peak_bytes(lambda: recording.project_patches(units))


def photograph() -> Tensor:
    """The astronaut of scikit-image at 224 pixels, with ImageNet's mean and deviation."""
    astronaut = data.astronaut()  # type: ignore[no-untyped-call]
    pixels = torch.from_numpy(astronaut).permute(2, 0, 1).float() / 255
    transform = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize(224, antialias=True),
            torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    image: Tensor = transform(pixels)
    return image.unsqueeze(0)


if __name__ == "__main__":
    main()
