"""The smallest picture a model takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import timm
import torch
from torch import Tensor

import captum_deconvnet as cdn
from captum_deconvnet import LoadedModel

SIDES = (64, 96, 128, 160, 192, 224, 256)
"""Smaller ones leave the last stage of most nets a single position."""

BUILT_SIDE = 128
"""For nets that are built for one size of picture, where timm can build them for another."""


def built(name: str) -> LoadedModel:
    """A model with random weights, for small pictures if its size is settled when it is built."""
    loaded = cdn.load_model(name, "random")
    if not is_fixed(loaded) or min(loaded.input_size[-2:]) <= BUILT_SIDE:
        return loaded
    try:
        net = timm.create_model(name.partition("/")[2], img_size=BUILT_SIDE)
        with torch.no_grad():
            net.eval()(torch.zeros(1, 3, BUILT_SIDE, BUILT_SIDE))
    except (AssertionError, RuntimeError, TypeError, ValueError):
        return loaded  # it is built for its own size only
    return replace(loaded, model=net, input_size=(3, BUILT_SIDE, BUILT_SIDE))


def is_fixed(loaded: LoadedModel) -> bool:
    """Whether a net takes pictures of one size only."""
    return bool(getattr(loaded.model, "pretrained_cfg", {}).get("fixed_input_size"))


def smallest_picture(loaded: LoadedModel, generator: torch.Generator) -> Tensor:
    """A random input (1, 3, side, side), or (1, 3, T, side, side) for clips, that the model takes.

    Raises:
        RuntimeError: the model takes none, not even of its own size.
    """
    trouble: Exception | None = None
    for shape in shapes(loaded):
        image = torch.randn(1, *shape, generator=generator)
        try:
            with torch.no_grad():
                loaded.model(image.clone())
        except (AssertionError, RuntimeError, ValueError, IndexError, ZeroDivisionError) as error:
            trouble = error
        else:
            return image
    raise RuntimeError(f"no picture fits: {trouble}") from trouble


def shapes(loaded: LoadedModel) -> Iterator[tuple[int, ...]]:
    """The shapes to try, the model's own last."""
    own = loaded.input_size
    if not is_fixed(loaded):
        yield from ((*own[:-2], side, side) for side in SIDES if side < min(own[-2:]))
    yield own
