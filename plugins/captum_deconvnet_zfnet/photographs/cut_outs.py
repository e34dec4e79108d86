"""Lays a thing that was cut out of its photograph on a piece of another one."""

from __future__ import annotations

import torch
from PIL import Image

AROUND = (1.15, 2.0)
"""Side of the whole over the thing's longer side, from and to."""

SMALLEST_PIECE = 0.4
"""Share of the background's shorter side that a piece has at least."""


def below(count: int, chance: torch.Generator) -> int:
    """A whole number from 0 to ``count - 1``."""
    return int(torch.randint(count, (), generator=chance))


def on_background(thing: Image.Image, ground: Image.Image, chance: torch.Generator) -> Image.Image:
    """The thing somewhere on a square piece of the background.

    Args:
        thing: RGBA; what is see-through shows the background.
        ground: RGB, of any size.
        chance: decides the piece, its size and the place.

    Returns:
        RGB, square.
    """
    low, high = AROUND
    side = round(max(thing.size) * (low + (high - low) * _share(chance)))
    whole = piece(ground, chance).resize((side, side), Image.Resampling.BICUBIC)
    left, top = (below(side - length + 1, chance) for length in thing.size)
    whole.paste(thing, (left, top), thing)
    return whole


def piece(picture: Image.Image, chance: torch.Generator) -> Image.Image:
    """A square piece of a picture."""
    shorter = min(picture.size)
    side = max(1, round(shorter * (SMALLEST_PIECE + (1 - SMALLEST_PIECE) * _share(chance))))
    left, top = (below(length - side + 1, chance) for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def _share(chance: torch.Generator) -> float:
    return float(torch.rand((), generator=chance))
