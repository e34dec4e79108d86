"""Explainers that draw from torch's and numpy's global generators, made to draw by image."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Global generators that start at ``seed``, and afterwards are as they were."""
    numpy_state = np.random.get_state()
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)


def image_by_image(
    explain: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
) -> Tensor:
    """The maps of images explained one at a time, each with generators at its own seed.

    Args:
        explain: (1, C, H, W) and its target (1,) to a map (1, C or 1, H, W).
        inputs: (N, C, H, W).
        target: (N,).
        seeds: N of them.
    """
    maps = []
    for number, seed in enumerate(seeds):
        here = slice(number, number + 1)
        with seeded(seed, inputs.device):
            maps.append(explain(inputs[here], target[here]))
    return torch.cat(maps)
