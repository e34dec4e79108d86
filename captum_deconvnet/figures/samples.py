"""Several images side by side, a row a layer: patches beside projections, as in Fig. 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet.figures.contrast import MID_GREY, stretch
from captum_deconvnet.figures.crop import Crop
from captum_deconvnet.figures.projections import caption, colour, frame, show

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
    pair = 2 * CELL + GAP
    width = LABEL + pair * len(images) + MARGIN
    height = (CELL + CAPTION) * (1 + len(rows)) + MARGIN
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")

    def place(row: int, column: float) -> tuple[float, float, float, float]:
        left, top = LABEL + pair * column, (CELL + CAPTION) * (row + 1)
        return left / width, 1 - top / height, CELL / width, CELL / height

    for column, (name, image) in enumerate(images):
        axes = figure.add_axes(place(0, column + CELL / 2 / pair))
        show(axes, image)
        caption(axes, name)
        for index, row in enumerate(rows):
            axes.add_patch(frame(row.sights[column].crop, colour(index), 0.9))
            sight = row.sights[column]
            left = figure.add_axes(place(index + 1, column))
            show(left, sight.crop.cut(image, MID_GREY))
            caption(left, sight.title)
            for spine in left.spines.values():
                spine.set(visible=True, color=colour(index), linewidth=1.0)
            right = figure.add_axes(place(index + 1, column + CELL / pair))
            show(right, stretch(sight.crop.cut(sight.projection, 0.0), percentile)[0])
    for index, row in enumerate(rows):
        _, bottom, _, tall = place(index + 1, 0)
        figure.text(
            MARGIN / width,
            bottom + tall / 2,
            row.title,
            va="center",
            fontsize=6.5,
            family="monospace",
        )
    return figure
