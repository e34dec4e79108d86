"""A folder of images without labels: what is learned from, what is held out, and crops of it.

A tenth of the pictures is held out, chosen by the names of their files.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as transforms

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.data.batches import extents

SHARE = 10


def held_out(file: str) -> bool:
    """Whether the picture of that path, relative to its folder, is held out.

    The same path is always on the same side, whatever else is in the folder.

    Example:
        >>> sum(held_out(f"{number}.jpg") for number in range(1000))
        108
    """
    return int.from_bytes(hashlib.sha256(file.encode()).digest()[:8], "big") % SHARE == 0


ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

COLOUR = 0.4
"""Brightness, contrast and saturation are multiplied by at most 1.4, at least 0.6."""

Box = tuple[float, float, float, float]


def found(folder: Path) -> tuple[list[str], list[str]]:
    """The images of a folder to learn from, and those held out, as paths relative to it.

    Raises:
        DataError: there is no such folder, or one of the two parts is empty.
    """
    if not folder.is_dir():
        raise DataError(f"No such folder: {folder}.")
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS and path.is_file()
    )
    kept = [file for file in files if not held_out(file)]
    apart = [file for file in files if held_out(file)]
    if not kept or not apart:
        raise DataError(
            f"{folder} has {len(kept)} images to learn from and {len(apart)} to hold out; one or "
            "more of each are needed. A tenth, drawn by file names, is held out."
        )
    return kept, apart


def cut(picture: Image.Image, boxes: list[Box], size: int) -> Tensor:
    """Parts of a picture, each stretched to a square: (N, 3, size, size), unsigned 8-bit."""
    parts = [
        transforms.pil_to_tensor(
            picture.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
        )
        for box in boxes
    ]
    return torch.stack(parts)


def random_boxes(
    picture: Image.Image, count: int, smallest_area: float, chance: torch.Generator
) -> list[Box]:
    """Random parts of a picture, of at least that share of its area, and nearly square."""
    sides = torch.tensor(picture.size, dtype=torch.float32)
    shares = extents(count, smallest_area, chance) * (sides.flip(0) / sides).sqrt()
    lengths = shares.clamp(max=1) * sides
    starts = torch.rand(count, 2, generator=chance) * (sides - lengths)
    boxes = torch.cat([starts, starts + lengths], dim=1).clamp(min=0)
    boxes[:, 2:] = boxes[:, 2:].minimum(sides)
    return [(left, top, right, bottom) for left, top, right, bottom in boxes.tolist()]


def central_box(picture: Image.Image, share: float = 1.0) -> Box:
    """The square in the middle, of that share of the shorter side."""
    width, height = picture.size
    side = share * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def recoloured(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Each picture (N, 3, H, W), unsigned 8-bit, in another light: brighter, duller or such."""
    low, high = 1 - COLOUR, 1 + COLOUR
    factors = low + (high - low) * torch.rand(3, len(pictures), 1, 1, 1, generator=chance)
    brightness, contrast, saturation = factors
    colours = pictures.float()
    grey = colours.mean(dim=1, keepdim=True)
    colours = grey + saturation * (colours - grey)
    mean = colours.mean(dim=(1, 2, 3), keepdim=True)
    colours = brightness * (mean + contrast * (colours - mean))
    lit: Tensor = colours.round().clamp(0, 255).to(torch.uint8)
    return lit


def crops_a_picture(crops: int, pictures: int) -> int:
    """How many crops of each picture make at least ``crops``."""
    return math.ceil(crops / pictures)
