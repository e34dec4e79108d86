"""The five panels of Zeiler & Fergus, Fig. 7: what covering each place of an image does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from captum_deconvnet.pictures.display import stretch
from captum_deconvnet.pictures.style import (
    FONT_SIZE,
    draw_heading,
    extra_height,
    heading,
    in_plain_style,
)
from captum_deconvnet.projections.figure import OUTLINE_COLOURS, show_picture, write_caption

SIDE = 2.0  # inches, as all lengths here
GAP = 0.25
TOP = 0.7
SHOWN_LABELS = len(OUTLINE_COLOURS) - 1
OTHER_COLOUR = "#999999"


@dataclass(frozen=True)
class OccludedImage:
    """One image and its maps.

    Args:
        image: (H, W, 3) in [0, 1].
        window: side of the occluder in pixels.
        probability: of the target class, (rows, columns), in [0, 1].
        clean_probability: likewise, nothing covered.
        labels: the most probable class at every place, (rows, columns).
        names: what each class that occurs is called.
        target: the name of the target class.
        activity: the strongest map's sum, (rows, columns), if a layer was measured.
        channel: which map that is, and of which layer.
        projection: of that map, (H, W, 3), signed.
        family: how rectifiers passed the signal in the projections.
        others: that map's projections on other images, each (H, W, 3).
    """

    image: NDArray[np.floating]
    window: int
    probability: NDArray[np.floating]
    clean_probability: float
    labels: NDArray[np.integer]
    names: dict[int, str]
    target: str
    activity: NDArray[np.floating] | None = None
    channel: str = ""
    projection: NDArray[np.floating] | None = None
    others: Sequence[NDArray[np.floating]] = ()
    family: str = "deconvnet"


@in_plain_style
def occlusion_figure(shown: OccludedImage, *, title: str = "", notes: Sequence[str] = ()) -> Figure:
    """Draw the image, the map's activity, its projections, the probability and the labels.

    Maps cover the image: each of their cells is a place of the occluder.

    Args:
        shown: what to draw; without a layer the second and third panel are left out.
        title: over the figure.
        notes: what else has to be said, under the title.

    Returns:
        A figure that belongs to no window: save it with ``figure.savefig``.
    """
    has_layer = shown.activity is not None and shown.projection is not None
    panels = (5 if has_layer else 3) + len(shown.others) * has_layer
    width = panels * (SIDE + GAP) + 1.2 + GAP
    lines = heading(title, notes, width)
    height = SIDE + TOP + 0.45 + extra_height(lines[1:])  # there is room for two
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    draw_heading(figure, lines, GAP)
    axes = iter(
        figure.add_axes(
            (((SIDE + GAP) * k + GAP) / width, 0.4 / height, SIDE / width, SIDE / height)
        )
        for k in range(panels)
    )
    _image(next(axes), shown)
    if shown.activity is not None and shown.projection is not None:
        _map(figure, next(axes), shown.activity, f"(b) sum of the strongest map\n{shown.channel}")
        text = f"(c) that map's projection\n{shown.family}"
        _projection(next(axes), shown.projection, text, is_own=True)
        for number, other in enumerate(shown.others, 1):
            _projection(
                next(axes), other, f"the same map, image {number}\n{shown.family}", is_own=False
            )
    text = f"(d) probability of {shown.target}\nnothing covered: {shown.clean_probability:.2g}"
    _map(figure, next(axes), shown.probability, text)
    _labels(next(axes), shown)
    return figure


def _image(axes: Axes, shown: OccludedImage) -> None:
    show_picture(axes, shown.image)
    corner = (shown.image.shape[1] - shown.window - 0.5, -0.5)
    axes.add_patch(Rectangle(corner, shown.window, shown.window, color="#808080"))
    write_caption(axes, f"(a) the image, and the\noccluder, {shown.window} pixels wide")


def _map(figure: Figure, axes: Axes, values: NDArray[np.floating], text: str) -> None:
    drawn = axes.imshow(values, cmap="viridis", interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    write_caption(axes, text)
    box = axes.get_position()
    bar = figure.add_axes((box.x0, box.y0 - 0.06, box.width, 0.025))
    figure.colorbar(drawn, cax=bar, orientation="horizontal")
    bar.xaxis.set_major_locator(MaxNLocator(4))
    bar.xaxis.set_major_formatter(StrMethodFormatter("{x:.6g}"))  # no offset beside the axis
    bar.tick_params(labelsize=FONT_SIZE - 1, length=2, pad=1)


def _projection(axes: Axes, projection: NDArray[np.floating], text: str, *, is_own: bool) -> None:
    picture, factor = stretch(projection, 99.5)
    show_picture(axes, picture)
    write_caption(axes, f"{text}  \u00d7{factor:.3g}" if factor else f"{text}, all zero")
    axes.spines[:].set(visible=is_own, color="black", linewidth=2)


def _labels(axes: Axes, shown: OccludedImage) -> None:
    """The most frequent labels in colours, all others in one grey."""
    found, counts = np.unique(shown.labels, return_counts=True)
    frequent = found[np.argsort(-counts, kind="stable")][:SHOWN_LABELS]
    colours = {int(label): OUTLINE_COLOURS[k] for k, label in enumerate(frequent)}
    cells = np.array([[colours.get(int(one), OTHER_COLOUR) for one in row] for row in shown.labels])
    rgb = np.array([[_rgb(cell) for cell in row] for row in cells])
    axes.imshow(rgb, interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    write_caption(axes, "(e) the most probable\nclass")
    entries = [Patch(color=colours[int(k)], label=shown.names[int(k)][:24]) for k in frequent]
    if len(found) > len(frequent):
        count = len(found) - len(frequent)
        entries.append(Patch(color=OTHER_COLOUR, label=f"{count} other classes"))
    font = {"family": "monospace", "size": FONT_SIZE}
    axes.legend(
        handles=entries, loc="upper left", bbox_to_anchor=(1.02, 1.02), prop=font, frameon=False
    )


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
