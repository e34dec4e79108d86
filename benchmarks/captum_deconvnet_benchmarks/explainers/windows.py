"""Sliding windows in proportion to the picture."""

from __future__ import annotations

from torch import Tensor


def slide(inputs: Tensor, windows: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The window and its step, all channels at once, as Captum takes them.

    Args:
        inputs: (N, C, H, W).
        windows: how many windows lie side by side along the shorter side; the step is half a
            window. 7 of them are the paper's 32 by 32 every 16 at 224.
    """
    channels, *sides = inputs.shape[1:]
    window = max(min(sides) // windows, 1)
    step = max(window // 2, 1)
    return (channels, window, window), (channels, step, step)
