"""Several images side by side, a row a layer: patches beside projections, as in Fig. 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.figures.contrast import MID_GREY, stretch
from captum_deconvnet.figures.crop import Crop
from captum_deconvnet.figures.heading import FONT_SIZE
from captum_deconvnet.figures.projections import caption, colour, frame, show
from captum_deconvnet.figures.style import plainly

CELL = 0.85  # inches, as all lengths here
CAPTION = 0.3
LABEL = 0.75
GAP = 0.18
MARGIN = 0.08


@dataclass(frozen=True)
class Sight:
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
        sights: one an image, in the images' order.
    """

    title: str
    sights: Sequence[Sight]


@plainly
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
    sheet = Sheet(len(images), 1 + len(rows))
    for column, (name, image) in enumerate(images):
        sights = [row.sights[column] for row in rows]
        draw_image(sheet.axes(0, column, 0.5), name, image, sights)
        for index, sight in enumerate(sights):
            draw_patch(sheet.axes(index + 1, column), image, sight, colour(index))
            cut = sight.crop.cut(sight.projection, 0.0)
            show(sheet.axes(index + 1, column, 1), stretch(cut, percentile)[0])
    for index, row in enumerate(rows):
        sheet.label(index + 1, row.title)
    return sheet.figure


class Sheet:
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


def draw_image(axes: Axes, name: str, image: NDArray[np.floating], sights: Sequence[Sight]) -> None:
    """The whole image, with a frame around what the unit of each layer sees."""
    show(axes, image)
    caption(axes, name)
    for index, sight in enumerate(sights):
        axes.add_patch(frame(sight.crop, colour(index), 0.9))


def draw_patch(axes: Axes, image: NDArray[np.floating], sight: Sight, edge: str) -> None:
    """What the unit sees, framed in its layer's colour."""
    show(axes, sight.crop.cut(image, MID_GREY))
    caption(axes, sight.title)
    for spine in axes.spines.values():
        spine.set(visible=True, color=edge, linewidth=1.0)
