"""Projected layers as rows of the figure: crops, titles, arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_deconvnet import Unit
from captum_deconvnet.pictures.crop import crop_of
from captum_deconvnet.projections.figure import Panel, Row, projection_figure
from captum_deconvnet.projections.projected_layers import Projected, ProjectedLayer

LONGEST_NAME = 24  # letters that fit over one picture


def draw(
    picture: torch.Tensor,
    layers: Sequence[ProjectedLayer],
    stages: Sequence[str],
    title: str,
    notes: Sequence[str] = (),
) -> Figure:
    """The figure of some layers over an image.

    Args:
        picture: the image, (H, W, C) in [0, 1].
        layers: one a row.
        stages: the model's stages; a layer among them is titled with its number, as in the paper.
        title: over the figure.
        notes: what else has to be said, under the title.
    """
    image = picture.cpu().numpy()
    numbers = {stage: number for number, stage in enumerate(stages, start=1)}
    rows = [row(layer, numbers.get(layer.layer), image.shape[:2]) for layer in layers]
    return projection_figure(image, rows, title=title, notes=notes)


def row(layer: ProjectedLayer, number: int | None, image_size: tuple[int, ...]) -> Row:
    """One layer, titled with its name and how many pixels a unit of it sees."""
    height, width = layer.field.size
    sees = f"sees {height} px" if height == width else f"sees {height}\u00d7{width} px"
    panels = [panel(shown, layer.field.size, image_size) for shown in layer.shown]
    return Row(f"{shortened(layer.layer, number)}\n{sees}", panels)


def panel(shown: Projected, size: tuple[int, int], image_size: tuple[int, ...]) -> Panel:
    """One unit, cropped to what it sees, or one whole map beside its projections."""
    pictures = {name: to_array(each) for name, each in shown.projections.items()}
    source = shown.source
    if not isinstance(source, Unit):
        title = f"map {source.channel}\nsum {source.value:.4g}"
        return Panel(title, pictures, activations=source.activations.float().cpu().numpy())
    box = (shown.box.top, shown.box.left, shown.box.bottom, shown.box.right)
    title = f"map {source.channel} at {source.row},{source.column}\nactivation {source.value:.4g}"
    return Panel(title, pictures, crop_of(box, size, (image_size[0], image_size[1])))


def to_array(projection: torch.Tensor) -> NDArray[np.floating]:
    """A projection (C, H, W) as (H, W, C) on the CPU."""
    array: NDArray[np.floating] = projection.detach().float().permute(1, 2, 0).cpu().numpy()
    return array


def shortened(path: str, number: int | None) -> str:
    """A layer's name that fits over one picture; a path's end says more than its start."""
    label = "" if number is None else f"layer {number}: "
    room = LONGEST_NAME - len(label)
    return label + (path if len(path) <= room else "\u2026" + path[1 - room :])
