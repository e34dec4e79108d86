"""How long a gallery takes, measured before the work on one image."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch

import captum_deconvnet as cdn


def estimate(
    loaded: cdn.LoadedModel, maps: Mapping[str, Sequence[int]], images: int, k: int
) -> float:
    """Seconds for a forward pass and a recording of every image, and for all projections."""
    model, inputs = loaded.model, loaded.example_input()
    inputs = torch.rand(inputs.shape, generator=torch.Generator().manual_seed(0)).to(inputs)
    with torch.no_grad():
        model(inputs)
        forward = seconds(lambda: model(inputs))
    recorded = seconds(lambda: cdn.record(model, inputs, list(maps)))
    recording = cdn.record(model, inputs, list(maps))
    total = images * (forward + recorded)
    for layer, channels in maps.items():
        height, width = (1, 1, *recording.activations[layer].shape[2:])[-2:]
        together = math.ceil(len(channels) * min(k, images) / images)  # of an image, on average
        units = [cdn.Unit(0, layer, c, height // 2, width // 2) for c in channels[:together]]
        work = partial(recording.project_patches, units, seed=1.0)
        work()  # the first time also works out the windows
        total += images * seconds(work) * together / max(len(units), 1)
    return total


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_words(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"about {max(round(seconds), 1)} seconds"
    minutes = seconds / 60
    return f"about {minutes:.0f} minutes" if minutes < 90 else f"about {minutes / 60:.1f} hours"
