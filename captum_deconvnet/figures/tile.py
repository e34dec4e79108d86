"""Tiles: small square pictures of what a unit saw, and of its projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captum_deconvnet.figures.colours import rgb
from captum_deconvnet.figures.contrast import MID_GREY, stretch
from captum_deconvnet.figures.crop import Crop

Pixels = NDArray[np.uint8]
PERCENTILE = 99.5
"""Of a projection's absolute values, what a tile shows at full contrast."""


def patch_tile(patch: NDArray[np.floating], crop: Crop, size: int) -> Pixels:
    """A patch of the image (h, w, C) in [0, 1] as a tile; what lies off the image is mid grey."""
    return to_bytes(fitted(padded(patch, crop, MID_GREY), size))


def projection_tile(
    projection: NDArray[np.floating], crop: Crop, size: int
) -> tuple[Pixels, float]:
    """A projection (h, w, C), signed, as a tile, and the factor that it was stretched by.

    Where it is larger than the tile it is reduced by area first, so that the contrast is that of
    what is seen. Zero, and what lies off the image, is mid grey.
    """
    picture, factor = stretch(fitted(padded(projection, crop, 0.0), size), PERCENTILE)
    return to_bytes(picture), factor


def padded(pixels: NDArray[np.floating], crop: Crop, fill: float) -> NDArray[np.floating]:
    """What lies inside a crop, with the crop's margins around it, made square."""
    above, below, before, after = crop.margins
    edges = ((above, below), (before, after), (0, 0))
    whole = np.pad(pixels, edges, constant_values=fill)
    height, width = whole.shape[:2]
    spare = [(side - extent) // 2 for extent in (height, width) for side in [max(height, width)]]
    rest = [max(height, width) - height - spare[0], max(height, width) - width - spare[1]]
    square = ((spare[0], rest[0]), (spare[1], rest[1]), (0, 0))
    return np.pad(whole, square, constant_values=fill)


def fitted(pixels: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """A picture (h, w, C) as (size, size, 3): enlarged pixel by pixel, or reduced by area."""
    colours = rgb(pixels)
    height, width = colours.shape[:2]
    smaller = height > size or width > size
    way = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    planes = [
        Image.fromarray(np.ascontiguousarray(colours[..., channel], dtype=np.float32))
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane.resize((size, size), way)) for plane in planes], axis=-1)


def to_bytes(picture: NDArray[np.floating]) -> Pixels:
    """A picture in [0, 1] as 8-bit colours."""
    pixels: Pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return pixels
