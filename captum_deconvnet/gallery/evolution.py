"""``deconvnet evolution``: features of one layer during training, as in Zeiler & Fergus, Fig. 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.loading import chosen_layers, load_for_command
from captum_deconvnet.cli.output import check_folder, make_folder, write_figure, write_json
from captum_deconvnet.cli.stopping import note_kept
from captum_deconvnet.engine.units import activation_of
from captum_deconvnet.files import alone_in, origin_of, readable
from captum_deconvnet.gallery.builder import digest, drawn_channels
from captum_deconvnet.gallery.panels import ActivationPanel, project_panels
from captum_deconvnet.gallery.scan import top_activations
from captum_deconvnet.gallery.tiles import tiles
from captum_deconvnet.pictures.display import channels_note
from captum_deconvnet.pictures.image_sets import find_images
from captum_deconvnet.pictures.style import FONT_SIZE, LETTERING, in_plain_style
from captum_deconvnet.registry import LoadedModel

CELL = 1.1  # inches, as all lengths here
JUMP = "#D55E00"


@dataclass(frozen=True, eq=False)
class MapAtCheckpoint:
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


@in_plain_style
def evolution_figure(
    title: str, checkpoints: Sequence[str], rows: Sequence[tuple[str, Sequence[MapAtCheckpoint]]]
) -> Figure:
    """Draw the strongest projection of each map, over the patch it saw, at each checkpoint.

    Args:
        title: one line over the figure.
        checkpoints: names, one a column.
        rows: each map's name with its history, one a checkpoint.

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
    for row, (name, history) in enumerate(rows):
        for column, shown in enumerate(history):
            for below, tile in enumerate((shown.projection, shown.patch)):
                axes = figure.add_subplot(grid[2 * row + below, column])
                axes.imshow(tile, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                edge, thickness = (JUMP, 2.0) if shown.jumped else ("#cccccc", 0.5)
                axes.spines[:].set(color=edge, linewidth=thickness)
                if not below:
                    head = f"{checkpoints[column]}\n" if row == 0 else ""
                    axes.set_title(head + shown.caption, pad=2, **LETTERING)
                if not column and not below:
                    axes.set_ylabel(name, fontsize=FONT_SIZE)
    return figure


@dataclass(frozen=True)
class EvolutionRequest:
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
class CheckpointScan:
    """One checkpoint: the strongest panel of each map, by channel; dead maps have one too."""

    checkpoint: Path
    loaded: LoadedModel
    names: dict[int, str]
    panels: dict[int, ActivationPanel]


def draw_evolution(request: EvolutionRequest) -> None:
    """Draw the evolution as requested."""
    check_folder(request.out)
    if request.facts not in (None, "-"):
        check_folder(Path(str(request.facts)))
    for path in request.checkpoints:  # a missing or damaged one is reported before the work
        load_for_command(request.model, str(path))
    make_folder(scan_folder(request))
    note_kept(f"the scans so far are in {readable(scan_folder(request))}")
    progress = tqdm(request.checkpoints, desc="checkpoints", unit="checkpoint", disable=None)
    with alone_in(scan_folder(request)):
        scans = [scan_checkpoint(request, path) for path in progress]
    channels = sorted(scans[0].panels)
    rows = [(f"map {channel}", history(request, scans, channel)) for channel in channels]
    title = f"{request.model}   layer {request.layer}   {readable(request.images)}"
    title += channels_note(scans[0].loaded.example_input())
    names = [readable(path.stem) for path in request.checkpoints]
    shown: list[Path | str] = [request.layer, request.images, *request.checkpoints]
    origin = origin_of("evolution", request.model, subjects=shown)
    write_figure(request.out, evolution_figure(title, names, rows), origin)
    if request.facts is not None:
        write_json(request.facts, facts(request, scans))


def scan_folder(request: EvolutionRequest) -> Path:
    """The folder of the scans, beside the figure."""
    return request.out.parent / f"{request.out.stem}-scans"


def scan_checkpoint(request: EvolutionRequest, checkpoint: Path) -> CheckpointScan:
    """Scan the images with one checkpoint, and project the strongest activation of some maps."""
    loaded = load_for_command(request.model, str(checkpoint))
    (layer,) = chosen_layers(loaded, request.layer)
    images = find_images(request.images, loaded.transform, [request.out])
    name = f"{checkpoint.stem}-{digest(str(checkpoint.resolve()))[:8]}.safetensors"
    top = top_activations(
        loaded.model, layer, images, k=1, batch_size=request.batch_size, tag=images.version,
        out=scan_folder(request) / name, show_progress=True,
    )  # fmt: skip
    for number in sorted(top.skipped):
        click.echo(f"left out {readable(top.names[number])}", err=True)
    drawn = drawn_channels(len(top.values), request.maps, request.seed)
    found = {
        panel.unit.channel: panel
        for image in project_panels(loaded.model, images, top, {layer: drawn})
        for panel in image.panels
    }
    return CheckpointScan(checkpoint, loaded, dict(top.names), found)


def history(
    request: EvolutionRequest, scans: Sequence[CheckpointScan], channel: int
) -> list[MapAtCheckpoint]:
    """One map at every checkpoint."""
    found = []
    for before, now in zip([None, *scans], scans, strict=False):
        panel = now.panels[channel]
        projection, patch, factor = tiles(panel, now.loaded, request.tile)
        strength = activation_of(panel.unit)
        dead = strength <= 0
        caption = "dead" if dead else f"{strength:.3g}  \u00d7{factor:.2g}"
        found.append(MapAtCheckpoint(projection, patch, caption, jumped(before, now, channel)))
    return found


def jumped(before: CheckpointScan | None, now: CheckpointScan, channel: int) -> bool:
    """Whether a map was strongest on another image at the checkpoint before."""
    if before is None:
        return False
    return before.panels[channel].unit.image != now.panels[channel].unit.image


def facts(request: EvolutionRequest, scans: Sequence[CheckpointScan]) -> dict[str, Any]:
    """What the figure shows, as JSON."""
    maps = []
    for channel in sorted(scans[0].panels):
        entries = [
            {
                "checkpoint": str(now.checkpoint),
                "image": now.names[now.panels[channel].unit.image],
                "row": now.panels[channel].unit.row,
                "column": now.panels[channel].unit.column,
                "activation": activation_of(now.panels[channel].unit),
                "jumped": jumped(before, now, channel),
            }
            for before, now in zip([None, *scans], scans, strict=False)
        ]
        maps.append({"channel": channel, "history": entries})
    return {"model": request.model, "layer": request.layer, "maps": maps}
