"""Evolution of features during training, as in Zeiler & Fergus, Fig. 4: a row a map.

From checkpoints and images to the figure of a layer's evolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

import captum_deconvnet as cdn
from captum_deconvnet.cli.output import check_folder, make_folder, write_figure, write_json
from captum_deconvnet.cli.stopping import keeps
from captum_deconvnet.files import alone_in, origin_of, readable
from captum_deconvnet.gallery.gallery import digest
from captum_deconvnet.gallery.panels import Panel, panels
from captum_deconvnet.gallery.tiles import tiles
from captum_deconvnet.pictures.model_input import chosen_layers
from captum_deconvnet.pictures.photographs import find_images
from captum_deconvnet.pictures.style import FONT_SIZE, LETTERING, plainly
from captum_deconvnet.projections.project import load, told

CELL = 1.1  # inches, as all lengths here
JUMP = "#D55E00"


@dataclass(frozen=True, eq=False)
class Moment:
    """The strongest activation of one map at one checkpoint.

    Args:
        projection: its tile, (size, size, 3).
        patch: the tile of what it saw, (size, size, 3).
        caption: its activation and contrast.
        jumped: whether another image was the strongest at the checkpoint before.
    """

    projection: NDArray[np.uint8]
    patch: NDArray[np.uint8]
    caption: str
    jumped: bool


@plainly
def evolution_figure(
    title: str, checkpoints: Sequence[str], rows: Sequence[tuple[str, Sequence[Moment]]]
) -> Figure:
    """Draw the strongest projection of each map, over the patch it saw, at each checkpoint.

    Args:
        title: one line over the figure.
        checkpoints: names, one a column.
        rows: each map's name with its moments, one a checkpoint.

    Returns:
        A figure that belongs to no window. A thick frame marks a jump.
    """
    width = max(CELL * (len(checkpoints) + 0.7), 4.0)
    height = 2.35 * CELL * len(rows) + 0.7
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    grid = figure.add_gridspec(
        2 * len(rows), len(checkpoints), left=0.6 * CELL / width, right=0.995, bottom=0.01,
        top=1 - 0.7 / height, wspace=0.06, hspace=0.12,
    )  # fmt: skip
    lines = (title, "projections over patches; a thick frame: another image than before")
    for number, line in enumerate(lines):
        figure.text(0.05 / width, 1 - (0.16 + 0.15 * number) / height, line, **LETTERING)
    for row, (name, moments) in enumerate(rows):
        for column, moment in enumerate(moments):
            for below, tile in enumerate((moment.projection, moment.patch)):
                axes = figure.add_subplot(grid[2 * row + below, column])
                axes.imshow(tile, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                edge, thickness = (JUMP, 2.0) if moment.jumped else ("#cccccc", 0.5)
                axes.spines[:].set(color=edge, linewidth=thickness)
                if not below:
                    head = f"{checkpoints[column]}\n" if row == 0 else ""
                    axes.set_title(head + moment.caption, pad=2, **LETTERING)
                if not column and not below:
                    axes.set_ylabel(name, fontsize=FONT_SIZE)
    return figure


pass


@dataclass(frozen=True)
class Order:
    """What the user asked for; see ``deconvnet evolution --help``."""

    checkpoints: tuple[Path, ...]
    model: str
    images: str
    layer: str
    maps: int
    seed: int
    batch_size: int
    tile: int
    out: Path
    facts: str | None


@dataclass(frozen=True, eq=False)
class Epoch:
    """One checkpoint: the strongest panel of each map, by channel; dead maps have one too."""

    checkpoint: Path
    loaded: cdn.LoadedModel
    names: dict[int, str]
    panels: dict[int, Panel]


def run(order: Order) -> None:
    """Draw the evolution as ordered."""
    check_folder(order.out)
    if order.facts not in (None, "-"):
        check_folder(Path(str(order.facts)))
    for path in order.checkpoints:  # a missing or damaged one is told before the work
        load(order.model, str(path))
    make_folder(scans(order))
    keeps(f"the scans so far are in {readable(scans(order))}")
    progress = tqdm(order.checkpoints, desc="checkpoints", unit="checkpoint", disable=None)
    with alone_in(scans(order)):
        epochs = [epoch(order, path) for path in progress]
    channels = sorted(epochs[0].panels)
    rows = [(f"map {channel}", moments(order, epochs, channel)) for channel in channels]
    title = f"{order.model}   layer {order.layer}   {readable(order.images)}"
    title += told(epochs[0].loaded.example_input())
    names = [readable(path.stem) for path in order.checkpoints]
    shown: list[Path | str] = [order.layer, order.images, *order.checkpoints]
    origin = origin_of("evolution", order.model, subjects=shown)
    write_figure(order.out, evolution_figure(title, names, rows), origin)
    if order.facts is not None:
        write_json(order.facts, facts(order, epochs))


def scans(order: Order) -> Path:
    """The folder of the scans, beside the figure."""
    return order.out.parent / f"{order.out.stem}-scans"


def epoch(order: Order, checkpoint: Path) -> Epoch:
    """Scan the images with one checkpoint, and project the strongest activation of some maps."""
    loaded = load(order.model, str(checkpoint))
    (layer,) = chosen_layers(loaded, order.layer)
    images = find_images(order.images, loaded.transform, [order.out])
    name = f"{checkpoint.stem}-{digest(str(checkpoint.resolve()))[:8]}.safetensors"
    top = cdn.top_activations(
        loaded.model, layer, images, k=1, batch_size=order.batch_size, tag=images.version,
        out=scans(order) / name, show_progress=True,
    )  # fmt: skip
    for number in sorted(top.skipped):
        click.echo(f"left out {readable(top.names[number])}", err=True)
    generator = torch.Generator().manual_seed(order.seed)
    drawn = torch.randperm(len(top.values), generator=generator)[: order.maps].tolist()
    found = {
        panel.unit.channel: panel
        for image in panels(loaded.model, images, top, {layer: sorted(drawn)})
        for panel in image.panels
    }
    return Epoch(checkpoint, loaded, dict(top.names), found)


def moments(order: Order, epochs: Sequence[Epoch], channel: int) -> list[Moment]:
    """One map at every checkpoint."""
    found = []
    for before, now in zip([None, *epochs], epochs, strict=False):
        panel = now.panels[channel]
        projection, patch, factor = tiles(panel, now.loaded, order.tile)
        dead = panel.unit.value <= 0
        caption = "dead" if dead else f"{panel.unit.value:.3g}  \u00d7{factor:.2g}"
        found.append(Moment(projection, patch, caption, jumped(before, now, channel)))
    return found


def jumped(before: Epoch | None, now: Epoch, channel: int) -> bool:
    """Whether a map was strongest on another image at the checkpoint before."""
    if before is None:
        return False
    return before.panels[channel].unit.image != now.panels[channel].unit.image


def facts(order: Order, epochs: Sequence[Epoch]) -> dict[str, Any]:
    """What the figure shows, as JSON."""
    maps = []
    for channel in sorted(epochs[0].panels):
        history = [
            {
                "checkpoint": str(now.checkpoint),
                "image": now.names[now.panels[channel].unit.image],
                "row": now.panels[channel].unit.row,
                "column": now.panels[channel].unit.column,
                "activation": now.panels[channel].unit.value,
                "jumped": jumped(before, now, channel),
            }
            for before, now in zip([None, *epochs], epochs, strict=False)
        ]
        maps.append({"channel": channel, "history": history})
    return {"model": order.model, "layer": order.layer, "maps": maps}
