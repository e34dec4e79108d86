"""The smallest picture a model takes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from captum_deconvnet import LoadedModel

SIDES = (64, 96, 128, 160, 192, 224, 256)
"""Smaller ones leave the last stage of most nets a single position."""


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
    config = getattr(loaded.model, "pretrained_cfg", {})
    if not config.get("fixed_input_size"):
        yield from ((*own[:-2], side, side) for side in SIDES if side < min(own[-2:]))
    yield own
