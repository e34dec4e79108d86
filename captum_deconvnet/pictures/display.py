"""How arrays are shown: channels as colours, contrast around mid grey, crops to what units see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from captum_deconvnet.engine.windows.receptive_field import Box

MID_GREY = 0.5


def to_array(picture: torch.Tensor) -> NDArray[np.floating]:
    """A picture (C, H, W), or the middle frame of a clip, as (H, W, C) on the CPU."""
    still = picture[:, picture.shape[1] // 2] if picture.dim() == 4 else picture
    array: NDArray[np.floating] = still.detach().float().permute(1, 2, 0).cpu().numpy()
    return array


def bands(picture: NDArray[np.floating]) -> NDArray[np.floating]:
    """What is shown of a picture (H, W, C): (H, W, 1) or (H, W, 3).

    One channel is grey and three are colours; of two the mean is shown in grey, of more the first
    three as colours. :func:`shown_bands` says which.
    """
    channels = picture.shape[-1]
    if channels in (1, 3):
        return picture
    return picture.mean(axis=-1, keepdims=True) if channels == 2 else picture[..., :3]


def rgb(picture: NDArray[np.floating]) -> NDArray[np.floating]:
    """A picture (H, W, C) as (H, W, 3)."""
    shown = bands(picture)
    return shown if shown.shape[-1] == 3 else np.repeat(shown, 3, axis=-1)


def shown_bands(channels: int) -> str:
    """What is shown of so many channels, in words; empty for one and for three.

    Example:
        >>> shown_bands(12)
        'channels 0 to 2 of 12 as colours'
    """
    if channels in (1, 3):
        return ""
    if channels == 2:
        return "the mean of 2 channels"
    return f"channels 0 to 2 of {channels} as colours"


def channels_note(inputs: torch.Tensor) -> str:
    """What a title says of inputs (N, C, ...) whose channels cannot all be shown."""
    words = shown_bands(inputs.shape[1])
    return f"   {words}" if words else ""


def stretch(
    projection: NDArray[np.floating], percentile: float = 100.0
) -> tuple[NDArray[np.floating], float]:
    """Scale a projection about zero so that it fills the range of a picture.

    All channels share one factor, so colours keep their balance, and zero is mid grey. The paper
    enhances contrast for each panel too (Zeiler & Fergus, Fig. 4) without saying how much.

    Args:
        projection: (H, W, C), signed.
        percentile: of the absolute values, what is shown at full contrast; above it is clipped.

    Returns:
        The picture, (H, W, 1) or (H, W, 3), in [0, 1], and the factor that its projection was
        multiplied by; the factor is 0 where the projection is zero everywhere.
    """
    projection = bands(projection)
    largest = float(np.percentile(np.abs(projection), percentile))
    factor = MID_GREY / largest if largest > 0 else 0.0
    return np.clip(MID_GREY + factor * projection, 0.0, 1.0), factor


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
