"""The figure: a row a net, layer 1 beside layer 2 (Zeiler & Fergus 2014, Fig. 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from captum_deconvnet.pictures.style import in_plain_style

CELL = 4.2  # inches


@in_plain_style
def filter_figure(nets: Mapping[str, Sequence[tuple[str, Tensor]]]) -> Figure:
    """Draw the filters of some nets.

    All filters of one layer share one contrast, so that a filter that dominates shows; zero is
    mid grey.

    Args:
        nets: by name, for each layer its title and its filters (N, C, side, side), signed.

    Returns:
        A figure that belongs to no window.
    """
    columns = max(len(layers) for layers in nets.values())
    size = (CELL * columns, (CELL + 0.3) * len(nets))
    figure = Figure(figsize=size, dpi=160, facecolor="white", layout="constrained")
    axes = figure.subplots(len(nets), columns, squeeze=False)
    for row, (name, layers) in zip(axes, nets.items(), strict=True):
        for cell, (title, filters) in zip(row, layers, strict=True):
            cell.imshow(mosaic(filters.numpy()), interpolation="nearest", cmap="gray")
            cell.set_title(f"{name}  {title}", fontsize=8, family="monospace", loc="left")
            cell.set_axis_off()
    return figure


def mosaic(filters: NDArray[np.floating]) -> NDArray[np.floating]:
    """Filters (N, C, side, side) side by side, as colours in [0, 1] around mid grey, on white."""
    count, channels, side = filters.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    largest = float(np.abs(filters).max()) or 1.0
    gap = max(1, side // 10)
    sheet = np.ones((rows * (side + gap) + gap, columns * (side + gap) + gap, 3))
    for index, weights in enumerate(filters):
        top = gap + (index // columns) * (side + gap)
        left = gap + (index % columns) * (side + gap)
        cell = 0.5 + 0.5 * weights.transpose(1, 2, 0) / largest
        sheet[top : top + side, left : left + side] = cell if channels in (1, 3) else cell.mean(-1)
    return sheet
