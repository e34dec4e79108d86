"""``deconvnet demo``: a model's own sample pictures, projected, side by side as in Fig. 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from captum_deconvnet.cli.loading import load_for_command
from captum_deconvnet.cli.output import check_folder, write_figure
from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.units import Unit, activation_of
from captum_deconvnet.engine.windows.receptive_field import Box
from captum_deconvnet.errors import ModelError
from captum_deconvnet.files import origin_of
from captum_deconvnet.pictures.display import MID_GREY, Crop, crop_of, stretch, to_array
from captum_deconvnet.pictures.prediction import predictions
from captum_deconvnet.pictures.reading import to_input, to_picture
from captum_deconvnet.pictures.style import FONT_SIZE, in_plain_style
from captum_deconvnet.projections.figure import outline, panel_colour, show_picture, write_caption
from captum_deconvnet.projections.project import ProjectionRequest, project_image
from captum_deconvnet.projections.selection import Selection
from captum_deconvnet.registry import LoadedModel

CELL = 0.85  # inches, as all lengths here
CAPTION = 0.3
LABEL = 0.75
GAP = 0.18
MARGIN = 0.08


@dataclass(frozen=True)
class SampleProjection:
    """One unit of one image.

    Args:
        title: which map, and its activation; one line.
        projection: (H, W, C), signed, at the size of the image.
        crop: what the unit sees.
    """

    title: str
    projection: NDArray[np.floating]
    crop: Crop


@dataclass(frozen=True)
class SampleRow:
    """One layer.

    Args:
        title: the layer, and how much of the image one of its units sees; up to two lines.
        projections: one an image, in the images' order.
    """

    title: str
    projections: Sequence[SampleProjection]


@in_plain_style
def sample_figure(
    images: Sequence[tuple[str, NDArray[np.floating]]],
    rows: Sequence[SampleRow],
    *,
    percentile: float = 99.5,
) -> Figure:
    """Draw what one unit a layer sees in each image, beside its projection.

    The images stand on top, with a frame around what each layer's unit sees, in the layer's colour.
    A projection is stretched about zero, which is mid grey.

    Args:
        images: name and pixels (H, W, C) in [0, 1] of each.
        rows: one a layer, the lowest first.
        percentile: of a projection's absolute values, what is shown at full contrast.

    Returns:
        A figure that belongs to no window: save it with ``figure.savefig``.
    """
    cells = SampleSheet(len(images), 1 + len(rows))
    for column, (name, image) in enumerate(images):
        projections = [row.projections[column] for row in rows]
        draw_image(cells.axes(0, column, 0.5), name, image, projections)
        for index, sample in enumerate(projections):
            draw_patch(cells.axes(index + 1, column), image, sample, panel_colour(index))
            cut = sample.crop.cut(sample.projection, 0.0)
            show_picture(cells.axes(index + 1, column, 1), stretch(cut, percentile)[0])
    for index, row in enumerate(rows):
        cells.label(index + 1, row.title)
    return cells.figure


class SampleSheet:
    """An empty figure with two cells a column, and a label before each row.

    Args:
        columns: pairs of cells.
        rows: of cells.
    """

    def __init__(self, columns: int, rows: int) -> None:
        """Size the figure to its cells."""
        self.width = LABEL + (2 * CELL + GAP) * columns + MARGIN
        self.height = (CELL + CAPTION) * rows + MARGIN
        self.figure = Figure(figsize=(self.width, self.height), dpi=160, facecolor="white")

    def axes(self, row: int, column: int, cell: float = 0) -> Axes:
        """The axes of a cell: 0 is the first of its pair, 1 the second, 0.5 between them."""
        left = LABEL + (2 * CELL + GAP) * column + CELL * cell
        bottom = self.height - (CELL + CAPTION) * (row + 1)
        place = (left / self.width, bottom / self.height, CELL / self.width, CELL / self.height)
        return self.figure.add_axes(place)

    def label(self, row: int, text: str) -> None:
        """Lettering before a row, at half its height."""
        middle = self.height - (CELL + CAPTION) * (row + 1) + CELL / 2
        place = (MARGIN / self.width, middle / self.height)
        self.figure.text(*place, text, va="center", fontsize=FONT_SIZE, family="monospace")


def draw_image(
    axes: Axes, name: str, image: NDArray[np.floating], projections: Sequence[SampleProjection]
) -> None:
    """The whole image, with a frame around what the unit of each layer sees."""
    show_picture(axes, image)
    write_caption(axes, name)
    for index, sample in enumerate(projections):
        axes.add_patch(outline(sample.crop, panel_colour(index), 0.9))


def draw_patch(
    axes: Axes, image: NDArray[np.floating], sample: SampleProjection, edge: str
) -> None:
    """What the unit sees, framed in its layer's colour."""
    show_picture(axes, sample.crop.cut(image, MID_GREY))
    write_caption(axes, sample.title)
    for spine in axes.spines.values():
        spine.set(visible=True, color=edge, linewidth=1.0)


FAMILY = "deconvnet"
KIND = "demo"
"""What a figure of this command is called."""


def show_samples(model: str, out: Path) -> Receipt:
    """Write the figure of a model's samples: one image in detail, or several side by side.

    Args:
        model: as ``deconvnet models`` lists it.
        out: the figure's file.

    Returns:
        The receipt of their projections.

    Raises:
        ModelError: the model brings no pictures.
    """
    check_folder(out)
    loaded = load_for_command(model, "DEFAULT")
    samples = loaded.samples()
    if not samples:
        raise ModelError(f"{model} brings no sample pictures: use deconvnet project {model} IMAGE.")
    if len(samples) == 1:
        return draw_one_sample(model, samples, out)
    return draw_samples_side_by_side(loaded, samples, out)


def draw_one_sample(model: str, samples: Mapping[str, Image.Image], out: Path) -> Receipt:
    """One image: two units a layer, by deconvnet and by guided backpropagation."""
    ((name, image),) = samples.items()
    request = ProjectionRequest(
        model=model,
        weights="DEFAULT",
        layers=None,
        selection=Selection(count=2),
        families=(FAMILY, "guided"),
        out=out,
        facts=None,
        kind=KIND,
    )
    return project_image(request, image.convert("RGB"), name)[FAMILY].receipt


def draw_samples_side_by_side(
    loaded: LoadedModel, samples: Mapping[str, Image.Image], out: Path
) -> Receipt:
    """Several images: the strongest unit of every layer in each."""
    inputs = torch.cat([to_input(loaded, image) for image in samples.values()])
    recording = record(loaded.model, inputs, loaded.stages)
    labels = predictions(loaded, recording)
    images = [
        (f"{name}\n{seen}".strip(), to_picture(loaded, inputs[index : index + 1]).cpu().numpy())
        for index, (name, seen) in enumerate(zip_longest(samples, labels, fillvalue=""))
    ]
    size = (inputs.shape[-2], inputs.shape[-1])
    rows = [
        sample_row(recording, layer, number, size)
        for number, layer in enumerate(loaded.stages, start=1)
    ]
    write_figure(out, sample_figure(images, rows), origin_of(KIND, loaded.name))
    return recording.receipt


def sample_row(recording: Recording, layer: str, number: int, size: tuple[int, int]) -> SampleRow:
    """The strongest unit of one layer in every image."""
    field = recording.receptive_field(layer)
    units = strongest_of_each(recording.strongest(layer))
    projections = recording.project(units)
    assert isinstance(projections, torch.Tensor)  # a tuple only comes from several inputs
    whole = Crop(Box(0, 0, *size))
    samples = []
    for unit, projection in zip(units, projections, strict=True):
        box = field.box(unit.row, unit.column)
        near = crop_of(box, field.size, size)
        crop = near if field.size < size else whole
        title = f"map {unit.channel}: {activation_of(unit):.3g}"
        samples.append(SampleProjection(title, to_array(projection), crop))
    return SampleRow(f"layer {number}\nsees {field.size[0]} px", samples)


def strongest_of_each(units: Sequence[Unit]) -> list[Unit]:
    """Of the units of every image, the strongest."""
    best: dict[int, Unit] = {}
    for unit in units:
        if unit.image not in best or activation_of(unit) > activation_of(best[unit.image]):
            best[unit.image] = unit
    return [best[image] for image in sorted(best)]
