"""How long a gallery takes, measured before the work on one image that is warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, zip_longest

import torch

from captum_deconvnet.engine.record import record
from captum_deconvnet.errors import ImageError
from captum_deconvnet.gallery.panels import ActivationPanel
from captum_deconvnet.gallery.tiles import tiles
from captum_deconvnet.pictures.image_sets import ImageSet
from captum_deconvnet.registry import LoadedModel

FEW = 100
"""Below so many images measuring costs more than 2 % of the work; the bars tell soon enough."""

SHARE = 200
"""One image in so many is run to measure the speed of the scan."""

MOST_UNITS = 16


def estimated_seconds(
    loaded: LoadedModel,
    images: ImageSet,
    maps: Mapping[str, Sequence[int]],
    k: int,
    batch_size: int,
    relu: str,
    tile: int,
) -> float | None:
    """Seconds for the scan of all images and for all projections; None for few images.

    Every step is run once to get warm, and then once to be timed. Of N images the strongest
    P units lie on N (1 - (1 - 1/N)^P), if they lie anywhere.
    """
    count = len(images)
    if count < FEW:
        return None
    inputs, reading = read_one(loaded, images)
    together = max(min(batch_size, count // SHARE), 1)
    batch = inputs.expand(together, *inputs.shape[1:]).contiguous()
    with torch.no_grad():
        forward = warm_seconds(lambda: loaded.model(batch)) / together
    projections = sum(len(channels) for channels in maps.values()) * min(k, count)
    wanted = count * (1 - (1 - 1 / count) ** projections)
    each = projections / max(wanted, 1.0)
    panel = panel_seconds(loaded, inputs, maps, each, relu, tile)
    return count * (reading + forward) + wanted * (reading + panel)


def read_one(loaded: LoadedModel, images: ImageSet) -> tuple[torch.Tensor, float]:
    """The input of an image (1, C, H, W), and how long it takes to read it."""
    example = loaded.example_input()
    try:
        start = time.perf_counter()
        found = images[len(images) // 2]
        return found[None].to(example), time.perf_counter() - start
    except (ImageError, OSError):
        generator = torch.Generator().manual_seed(0)
        return torch.rand(example.shape, generator=generator).to(example), 0.0


def panel_seconds(
    loaded: LoadedModel,
    inputs: torch.Tensor,
    maps: Mapping[str, Sequence[int]],
    each: float,
    relu: str,
    tile: int,
) -> float:
    """Seconds to record an image, to project so many of its units, and to make their tiles."""
    chosen = sampled_maps(maps, min(max(round(each), 1), MOST_UNITS))
    layers = list(dict.fromkeys(layer for layer, _ in chosen))

    def work() -> None:
        recording = record(loaded.model, inputs, layers, relu=relu)
        strongest = {(u.layer, u.channel): u for each in layers for u in recording.strongest(each)}
        asked = [strongest[place] for place in chosen]
        for unit, patch in zip(asked, recording.project_patches(asked, seed=1.0), strict=True):
            box, field = patch.box, recording.receptive_field(unit.layer)
            seen = inputs[0][..., box.top : box.bottom, box.left : box.right]
            tiles(ActivationPanel(unit, 0, box, field, patch.pixels, seen), loaded, tile)

    return warm_seconds(work) * max(each / len(chosen), 1.0)


def sampled_maps(maps: Mapping[str, Sequence[int]], count: int) -> list[tuple[str, int]]:
    """So many of the maps, taken from the layers in turn."""
    by_layer = [[(layer, channel) for channel in channels] for layer, channels in maps.items()]
    turns = chain.from_iterable(zip_longest(*by_layer))
    return [place for place in turns if place is not None][:count]


def warm_seconds(call: Callable[[], object]) -> float:
    """How long a call takes the second time."""
    call()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
