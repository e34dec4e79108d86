"""Pictures of any number of channels as colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bands(picture: NDArray[np.floating]) -> NDArray[np.floating]:
    """What is shown of a picture (H, W, C): (H, W, 1) or (H, W, 3).

    One channel is grey and three are colours; of two the mean is shown in grey, of more the first
    three as colours. :func:`shown_bands` says so.
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
