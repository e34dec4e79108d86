"""What one occlusion map costs, next to ``captum.attr.Occlusion``.

Captum's time is the best of its ``perturbations_per_eval`` 1, 16 and 64. To Captum all windows are
alike, so that it is given a few, and the time is scaled to all. Runs are interleaved in one
process and compared by their medians; memory peaks are those of fresh processes. Run it as
``python -m captum_deconvnet_benchmarks.costs.occlusion``; with ``--write`` each finished row goes
to ``benchmarks/results/occlusion.json`` at once, and the table into ``docs/occlusion.md``; with
``--small`` it is small and wide nets on small pictures (``occlusion_of_small_pictures.py``).
"""

from __future__ import annotations

import statistics
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import captum.attr
import click
import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.occlusion_of_small_pictures import (
    SMALL_NETS,
    measure_small,
    save_small,
    small_table,
)
from captum_deconvnet_benchmarks.costs.tables import (
    markdown,
    rows_before,
    write_between,
    write_rows,
)
from captum_deconvnet_benchmarks.measuring import (
    SEED,
    peak_bytes,
    peak_in_new_process,
    random_images,
    random_network,
    seconds,
)
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

TARGET, SIDE = 1, 224
MODULE = "captum_deconvnet_benchmarks.costs.occlusion"
STRIPS = {1: (28, 28, 8), 16: (14, 14, 16), 64: (35, 3, 64)}
"""For each of Captum's perturbations_per_eval: a strip's width and stride, and their number."""
RESULTS = Path("benchmarks/results/occlusion.json")
CASES: tuple[tuple[str, int, int], ...] = (
    ("vgg16", 32, 16), ("vgg16", 16, 8), ("alexnet", 32, 16), ("squeezenet1_1", 32, 16),
    ("resnet18", 32, 16), ("resnet50", 32, 16), ("densenet121", 32, 16), ("mobilenet_v2", 32, 16),
    ("inception_v3", 32, 16), ("convnext_tiny", 32, 16), ("efficientnet_b0", 32, 16),
)  # fmt: skip


@dataclass(frozen=True)
class OcclusionCost:
    """One model, window and stride: seconds for a whole map, peaks in bytes."""

    model: str
    window: int
    stride: int
    windows: int
    method: str
    ours: float
    captum: float
    together: int
    ratio: float
    difference: float
    our_peak: int
    captum_peak: int


@click.command()
@click.option("--only", help="Models to measure, comma-separated.  [default: all]")
@click.option("--rounds", default=3, show_default=True, help="Interleaved rounds.")
@click.option("--threads", default=2, show_default=True, help="Threads of torch.")
@click.option("--write", is_flag=True, help="Write the result file and the table in docs/.")
@click.option("--small", is_flag=True, help="Measure small and wide nets on small pictures.")
@click.option("--peak", nargs=4, hidden=True, help="Internal: MODEL WINDOW STRIDE METHOD.")
def main(only: str | None, rounds: int, threads: int, write: bool, small: bool, peak: Any) -> None:
    r"""Measure time and memory of an occlusion map, ours and Captum's.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.occlusion --write
      python -m captum_deconvnet_benchmarks.costs.occlusion --small --rounds 9 --threads 1
    """
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.set_num_threads(threads)
    if peak is not None:
        click.echo(_peak(peak[0], int(peak[1]), int(peak[2]), peak[3]))
        return
    if small:
        _measure_small(only, rounds, threads, write=write)
        return
    chosen = [case for case in CASES if only is None or case[0] in only.split(",")]
    for case in tqdm(chosen, desc="occlusion maps"):
        row = measure(case, rounds)
        click.echo(table([asdict(row)]))
        if write:
            save(row, threads)


def _measure_small(only: str | None, rounds: int, threads: int, *, write: bool) -> None:
    for name in SMALL_NETS if only is None else only.split(","):
        found = measure_small(name, rounds)
        click.echo(small_table([asdict(found)]))
        if write:
            save_small(found, threads)


def measure(case: tuple[str, int, int], rounds: int) -> OcclusionCost:
    """Time and memory of one model."""
    name, window, stride = case
    model, image = random_network(name), random_images(1, SIDE)
    ours = cdn.Occlusion(model)
    arguments = _arguments(window, stride)
    count = ((SIDE - window + stride - 1) // stride + 1) ** 2
    times: dict[Any, list[float]] = {"ours": [], **{together: [] for together in STRIPS}}
    for _ in range(rounds):
        for together in STRIPS:
            times[together].append(_captum_seconds(model, image, together, count))
        times["ours"].append(seconds(lambda: ours.attribute(image, **arguments)))
    medians = {key: statistics.median(found) for key, found in times.items()}
    best = min(STRIPS, key=lambda together: medians[together])
    ratio = statistics.median(
        min(times[together][k] for together in STRIPS) / times["ours"][k] for k in range(rounds)
    )
    peaks = [peak_in_new_process(MODULE, name, window, stride, one) for one in ("ours", "captum")]
    assert ours.report is not None
    return OcclusionCost(
        name, window, stride, count, ours.report.method, medians["ours"], medians[best], best,
        ratio, _difference(model, image, window), peaks[0], peaks[1],
    )  # fmt: skip


def _captum_seconds(model: nn.Module, image: Tensor, together: int, windows: int) -> float:
    """Captum's time for ``windows`` windows and the clean image, from that of a strip."""
    count = STRIPS[together][2]
    return seconds(lambda: _strip(model, image, together)) * (windows + 1) / (count + 1)


def _strip(model: nn.Module, image: Tensor, together: int) -> Tensor:
    """Captum on a few windows, strips of the image: as much work a window as any."""
    width, stride, _ = STRIPS[together]
    found: Tensor = captum.attr.Occlusion(model).attribute(
        image,
        (3, SIDE, width),
        (3, SIDE, stride),
        target=TARGET,
        perturbations_per_eval=together,
    )
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a markdown table."""
    return markdown(
        [
            {
                "model": row["model"],
                "window, stride": f"{row['window']}, {row['stride']}",
                "windows": row["windows"],
                "ours": f"{row['ours']:.2f} s",
                "captum, best": f"{row['captum']:.2f} s at {row['together']}",
                "captum / ours": f"**{row['ratio']:.2f}**",
                "way": row["method"],
                "difference": f"{row['difference']:.0e}",
                "peak, ours": f"{row['our_peak'] / 1e6:.0f} MB",
                "peak, captum at 16": f"{row['captum_peak'] / 1e6:.0f} MB",
            }
            for row in rows
        ]
    )


def save(row: OcclusionCost, threads: int) -> None:
    """Add a row to the result file, and write the table where docs/occlusion.md marks its place."""
    facts = {**provenance(SEED), "threads": threads}
    keys = ("model", "window", "stride")
    new = asdict(row)
    kept = [one for one in rows_before(RESULTS) if any(one[key] != new[key] for key in keys)]
    order = [list(case) for case in CASES]
    rows = sorted([*kept, new], key=lambda one: order.index([one[key] for key in keys]))
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nOne random image of {SIDE} px, random weights, {threads} threads; {facts['machine']}, "
        f"torch {facts['torch']}, captum {facts['captum']}, commit {facts['commit']}, "
        f"{facts['date']}.\n"
    )
    write_between(Path("docs/occlusion.md"), "speed table", table(rows) + caption)


def _difference(model: nn.Module, image: Tensor, window: int) -> float:
    """The largest difference of some attributions from Captum's, as a share of the largest."""
    stride = max(window, SIDE // 5)
    arguments: dict[str, Any] = {**_arguments(stride, stride)}
    theirs = captum.attr.Occlusion(model).attribute(image, **arguments)
    ours = cdn.Occlusion(model, method="incremental").attribute(image, **arguments)
    return float((ours - theirs).abs().max() / theirs.abs().max())


def _arguments(window: int, stride: int) -> dict[str, Any]:
    return {
        "sliding_window_shapes": (3, window, window),
        "strides": (3, stride, stride),
        "target": TARGET,
    }


def _peak(name: str, window: int, stride: int, method: str) -> int:
    """How far one call takes the process above the model; Captum's with 16 windows together."""
    model, image = random_network(name), random_images(1, SIDE)
    with torch.no_grad():
        model(image)  # what torch allocates once is not the method's
    arguments = _arguments(window, stride)
    if method == "ours":
        ours = cdn.Occlusion(model)
        return peak_bytes(lambda: ours.attribute(image, **arguments))
    theirs = captum.attr.Occlusion(model)
    return peak_bytes(lambda: theirs.attribute(image, perturbations_per_eval=16, **arguments))


if __name__ == "__main__":
    main()
