"""The geometry of a crop: where a receptive field lies, and how far it hangs over the edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captum_deconvnet.engine.windows.receptive_field import Box


@dataclass(frozen=True)
class Crop:
    """A box of an image and the margins around it, all in pixels.

    Args:
        box: the rectangle of the image.
        margins: rows above, rows below, columns left and columns right that lie off the image.
    """

    box: Box
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)

    def cut(self, picture: NDArray[np.floating], fill: float) -> NDArray[np.floating]:
        """The box of ``picture`` (H, W, C) with its margins, which hold ``fill``."""
        return self.padded(
            picture[self.box.top : self.box.bottom, self.box.left : self.box.right], fill
        )

    def padded(self, inside: NDArray[np.floating], fill: float) -> NDArray[np.floating]:
        """What lies in the box, (h, w, C), with its margins, which hold ``fill``."""
        above, below, before, after = self.margins
        edges = ((above, below), (before, after), (0, 0))
        return np.pad(inside, edges, constant_values=fill)


def crop_of(box: Box, size: tuple[int, int], image_size: tuple[int, int]) -> Crop:
    """The crop that shows a receptive field at its full size where it fits on the image.

    Args:
        box: the field clipped to the image.
        size: height and width of the field before clipping.
        image_size: height and width of the image.

    Returns:
        The box, with margins that bring a field smaller than the image back to ``size``, so that
        all units of a layer are shown at one scale. A field as large as the image gets none.
    """
    vertical = overhang(box.top, box.bottom, size[0], image_size[0])
    horizontal = overhang(box.left, box.right, size[1], image_size[1])
    return Crop(box, (*vertical, *horizontal))


def overhang(first: int, last: int, size: int, extent: int) -> tuple[int, int]:
    """Pixels a field of ``size`` hangs over the start and the end of one axis.

    Args:
        first: first pixel of the clipped field.
        last: one past its last pixel.
        size: length of the field before clipping.
        extent: length of the image.
    """
    missing = size - (last - first)
    if missing <= 0 or size >= extent:
        return 0, 0
    if first == 0:
        return missing, 0
    return (0, missing) if last == extent else (0, 0)
