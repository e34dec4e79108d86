"""Image patches beside projections, a row a layer, as in Zeiler & Fergus, Fig. 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from captum_deconvnet.pictures.display import MID_GREY, Crop, rgb, stretch
from captum_deconvnet.pictures.style import (
    FONT_SIZE,
    LETTERING,
    draw_heading,
    extra_height,
    heading,
    in_plain_style,
)

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
OUTLINE_COLOURS = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#D55E00", "#0072B2")
CELL = 1.3  # inches, as all lengths here
HEADER = 0.26
CAPTION = 0.34
MARGIN = 0.1
GAP = 0.12  # between panels, in cells
SPACE = 0.04  # between pictures, in cells


@dataclass(frozen=True)
class ProjectionPanel:
    """One unit, with a crop, or one whole map, with its activations, of a layer.

    Args:
        title: which unit, where, and its activation; up to two lines.
        projections: by the name of their rule, each (H, W, C), signed, at the size of the image.
        crop: what the unit sees: projections and image are cut to it. None shows all of them.
        activations: of a whole map (rows, columns); shown in place of a patch of the image.
    """

    title: str
    projections: Mapping[str, NDArray[np.floating]]
    crop: Crop | None = None
    activations: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    Args:
        title: the layer, and how much of the image one of its units sees; up to two lines.
        panels: what is shown of it, from left to right.
    """

    title: str
    panels: Sequence[ProjectionPanel]


@in_plain_style
def projection_figure(
    image: NDArray[np.floating],
    rows: Sequence[LayerRow],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    percentile: float = 99.5,
) -> Figure:
    """Draw each layer's image patches beside their projections.

    The first column is the whole image, with every patch outlined in its own colour. A projection
    is stretched about zero, which is mid grey, by the factor printed over it.

    Args:
        image: (H, W, C) in [0, 1].
        rows: one a layer, the lowest first; every panel has projections of the same names.
        title: over the figure.
        notes: what else has to be said, under the title.
        percentile: of a projection's absolute values, what is shown at full contrast.

    Returns:
        A figure that belongs to no window: save it with ``figure.savefig``.
    """
    names = list(rows[0].panels[0].projections)
    figure, grid = empty_figure(
        len(rows), max(len(row.panels) for row in rows), 1 + len(names), (title, *notes)
    )
    for index, row in enumerate(rows):
        draw_image(figure.add_subplot(grid[index, 0]), image, row)
        for number, panel in enumerate(row.panels):
            first = 2 + (2 + len(names)) * number
            draw_chosen(figure.add_subplot(grid[index, first]), image, panel, panel_colour(number))
            for offset, name in enumerate(names, start=1):
                axes = figure.add_subplot(grid[index, first + offset])
                draw_projection(axes, panel, name, percentile)
    return figure


def empty_figure(
    rows: int, panels: int, cells: int, texts: Sequence[str]
) -> tuple[Figure, GridSpec]:
    """A figure under its heading: the image, then a gap and ``cells`` cells for every panel."""
    widths = [1.0] + ([GAP] + [1.0] * cells) * panels
    gaps = SPACE * (len(widths) - 1) / len(widths)  # matplotlib's are parts of the average cell
    width = CELL * sum(widths) * (1 + gaps) + 2 * MARGIN
    lines = heading(texts[0], texts[1:], width)
    header = HEADER + extra_height(lines)
    height = rows * (CELL + CAPTION) + header + MARGIN
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    grid = figure.add_gridspec(
        rows,
        len(widths),
        width_ratios=widths,
        left=MARGIN / width,
        right=1 - MARGIN / width,
        top=1 - (header + CAPTION) / height,
        bottom=MARGIN / height,
        wspace=SPACE,
        hspace=CAPTION / CELL,
    )
    draw_heading(figure, lines, MARGIN)
    return figure, grid


def draw_image(axes: Axes, image: NDArray[np.floating], row: LayerRow) -> None:
    """The whole image with an outline of everything that the row's units see."""
    show_picture(axes, image)
    write_caption(axes, row.title)
    for number, panel in enumerate(row.panels):
        if panel.crop is not None:
            axes.add_patch(outline(panel.crop, "white", 1.8))
            axes.add_patch(outline(panel.crop, panel_colour(number), 1.0))


def draw_chosen(axes: Axes, image: NDArray[np.floating], panel: ProjectionPanel, edge: str) -> None:
    """What is projected: the patch that a unit sees, in true colours, or a whole map in grey."""
    if panel.activations is None:
        show_picture(axes, cropped(image, panel, MID_GREY))
    else:
        show_picture(axes, brightness(panel.activations))
    write_caption(axes, panel.title)
    for spine in axes.spines.values():
        spine.set(visible=True, color=edge, linewidth=1.0)


def draw_projection(axes: Axes, panel: ProjectionPanel, name: str, percentile: float) -> None:
    """The projection around mid grey, and how far its contrast was stretched."""
    picture, factor = stretch(cropped(panel.projections[name], panel, 0.0), percentile)
    show_picture(axes, picture)
    write_caption(axes, f"{name}\n\u00d7{factor:.3g}" if factor else f"{name}\nall zero")


def brightness(activations: NDArray[np.floating]) -> NDArray[np.floating]:
    """A map (rows, columns) in grey: 0, or what lies below it, is black, the highest white."""
    low, high = min(float(activations.min()), 0.0), float(activations.max())
    return (activations - low)[..., None] / (high - low if high > low else 1.0)


def cropped(
    picture: NDArray[np.floating], panel: ProjectionPanel, fill: float
) -> NDArray[np.floating]:
    """The part of ``picture`` that the panel's unit sees, or all of it."""
    return picture if panel.crop is None else panel.crop.cut(picture, fill)


def show_picture(axes: Axes, picture: NDArray[np.floating]) -> None:
    """Put a picture (H, W, C) in [0, 1] on bare axes, pixel for pixel."""
    axes.imshow(rgb(picture), interpolation="nearest")
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_visible(False)


def write_caption(axes: Axes, text: str) -> None:
    """Small lines over the picture, from its left edge up."""
    # One text a line: matplotlib spaces lines by their letters, and captions would not align.
    for place, line in enumerate(reversed(text.splitlines())):
        lift = (0, 2.5 + 1.2 * FONT_SIZE * place)
        axes.annotate(line, (0, 1), lift, "axes fraction", textcoords="offset points", **LETTERING)


def outline(crop: Crop, edge: str, width: float) -> Rectangle:
    """The outline of a crop; imshow's pixels are centred on whole numbers, hence the half."""
    box = crop.box
    corner = (box.left - 0.5, box.top - 0.5)
    size = (box.right - box.left, box.bottom - box.top)
    return Rectangle(corner, *size, fill=False, edgecolor=edge, linewidth=width)


def panel_colour(number: int) -> str:
    """The outline colour of the panel ``number``."""
    return OUTLINE_COLOURS[number % len(OUTLINE_COLOURS)]
