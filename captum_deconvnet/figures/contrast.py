"""Contrast: a signed projection as a picture around mid grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from captum_deconvnet.figures.colours import bands

MID_GREY = 0.5


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
