"""What an occlusion map of a small picture costs, next to ``captum.attr.Occlusion``.

All windows are run by both, in interleaved rounds, and times are those of the processor, so that
other programs on the machine count for little. Rows of :mod:`occlusion_speed`.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import captum.attr
import torch

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.costs.small_nets import SMALL_NETS
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

SEED, TARGET, TOGETHER, WARM = 0, 1, (1, 16, 64), 2
RESULTS = Path("benchmarks/results/occlusion_small.json")


@dataclass(frozen=True)
class SmallRow:
    """One net: seconds of the processor for a whole map, medians of all rounds."""

    model: str
    shape: tuple[int, ...]
    windows: int
    method: str
    ours: float
    captum: float
    together: int
    difference: float


def measure_small(name: str, rounds: int) -> SmallRow:
    """Time of one net."""
    net = SMALL_NETS[name]
    torch.manual_seed(SEED)
    model, image = net.build().eval(), torch.rand(1, *net.shape)
    theirs, ours = captum.attr.Occlusion(model), cdn.Occlusion(model)
    arguments: dict[str, Any] = {"target": TARGET, "strides": net.strides}
    calls: dict[int, Callable[[], torch.Tensor]] = {
        together: lambda together=together: theirs.attribute(  # type: ignore[misc]
            image, net.window, perturbations_per_eval=together, **arguments
        )
        for together in TOGETHER
    }
    calls[0] = lambda: ours.attribute(image, net.window, **arguments)
    rows = [{key: _seconds(call) for key, call in calls.items()} for _ in range(rounds + WARM)]
    medians = {key: statistics.median(row[key] for row in rows[WARM:]) for key in calls}
    best = min(TOGETHER, key=medians.__getitem__)
    right = calls[1]()
    difference = float((calls[0]() - right).abs().max() / right.abs().max())
    assert ours.report is not None
    return SmallRow(
        name, net.shape, ours.report.windows, ours.report.method, medians[0], medians[best], best,
        difference,
    )  # fmt: skip


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def small_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a markdown table."""
    return markdown(
        [
            {
                "model": row["model"],
                "input": " x ".join(map(str, row["shape"])),
                "windows": row["windows"],
                "ours": f"{row['ours'] * 1e3:.1f} ms",
                "captum, best": f"{row['captum'] * 1e3:.1f} ms at {row['together']}",
                "captum / ours": f"**{row['captum'] / row['ours']:.2f}**",
                "way": row["method"],
                "difference": f"{row['difference']:.0e}",
            }
            for row in rows
        ]
    )


def save_small(row: SmallRow, threads: int) -> None:
    """Add a row to the result file, and write the table where docs/occlusion.md marks its place."""
    facts = {**provenance(SEED), "threads": threads}
    before = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    known = {one["model"]: one for one in [*before, asdict(row)]}
    rows = [known[name] for name in SMALL_NETS if name in known]
    part = RESULTS.with_suffix(".part")
    part.write_text(json.dumps({"provenance": facts, "rows": rows}, indent=1) + "\n")
    part.replace(RESULTS)
    source = (
        f"\nOne random image, random weights, seconds of the processor, threads: {threads}; "
        f"{facts['machine']}, torch {facts['torch']}, captum {facts['captum']}, commit "
        f"{facts['commit']}, {facts['date']}.\n"
    )
    write_between(Path("docs/occlusion.md"), "small speed table", small_table(rows) + source)
