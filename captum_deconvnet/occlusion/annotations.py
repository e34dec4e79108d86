"""Annotated images: the file's format, checked on reading, and boxes as the network sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

import captum_deconvnet as cdn
from captum_deconvnet.cli.loading import chosen_layers, load_for_command
from captum_deconvnet.errors import ImageError
from captum_deconvnet.pictures.fills import filled
from captum_deconvnet.pictures.reading import read_picture, to_input
from captum_deconvnet.registry.transforms import Picture


@dataclass(frozen=True)
class Annotations:
    """Images, and for every part its box in each, in pixels of the image file."""

    images: list[Picture]
    parts: Mapping[str, list[cdn.Box]]


def read_annotations(path: Path) -> Annotations:
    """Read and check an annotations file.

    Raises:
        ImageError: for a file that does not have the format, saying where.
        OSError: for a file that cannot be opened.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ImageError(f"{path} is not JSON: {error}.") from error
    if not isinstance(given, dict) or not {"images", "parts"} <= set(given):
        raise ImageError(f'{path} must be an object with "images" and "parts".')
    names, parts = given["images"], given["parts"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ImageError(f'{path}: "images" must be a list of file names.')
    if not isinstance(parts, dict) or not parts:
        raise ImageError(f'{path}: "parts" must name at least one part.')
    boxes = {part: _boxes(path, part, found, len(names)) for part, found in parts.items()}
    return Annotations([read_picture(path.parent / name) for name in names], boxes)


def _boxes(path: Path, part: str, given: Any, count: int) -> list[cdn.Box]:
    if not isinstance(given, list) or len(given) != count:
        raise ImageError(f"{path}: the part {part!r} needs a list of {count} boxes, one an image.")
    for box in given:
        whole = isinstance(box, list) and len(box) == 4 and all(type(n) is int for n in box)
        if not whole or min(box[:2]) < 0 or min(box[2:]) < 1:
            raise ImageError(
                f"{path}: the part {part!r} has the box {box}; [top, left, height, width] in whole "
                "pixels was expected."
            )
    return [cdn.Box(top, left, top + high, left + wide) for top, left, high, wide in given]


def scores(
    model: str,
    weights: str,
    layers: str | None,
    annotations: Annotations,
    random_boxes: int,
    seed: int,
) -> cdn.CorrespondenceScores:
    """The scores of a model's layers; parts are covered in 128 grey, as pixels have it."""
    loaded = load_for_command(model, weights)
    images = torch.cat([to_input(loaded, image) for image in annotations.images])
    boxes = {
        part: [seen_box(loaded, *pair) for pair in zip(annotations.images, found, strict=True)]
        for part, found in annotations.parts.items()
    }
    grey = filled("grey", images, loaded)[0, :, :1, :1]
    chosen = list(chosen_layers(loaded, layers))
    return cdn.PartCorrespondence(loaded.model, chosen).measure(
        images,
        boxes,
        random_boxes=random_boxes,
        fill=grey,
        generator=torch.Generator().manual_seed(seed),
    )


def seen_box(loaded: cdn.LoadedModel, image: Picture, box: cdn.Box) -> cdn.Box:
    """Where a box of the image lies in what the network sees, whatever its transform does.

    A white card with the box in black goes through the transform; what is more black than white
    is the box. Of an array the card is an array too, with 1 (or 255, of 8 bits) as white.

    Raises:
        ImageError: if the network sees nothing of it.
    """
    white, marked, black = (to_input(loaded, each)[0] for each in cards(image, box))
    darker = (white - marked).mean(0)
    rows, columns = torch.where(darker > (white - black).mean() / 2)
    if not len(rows):
        raise ImageError(f"{loaded.name} sees nothing of the box {box}: its transform crops.")
    first, last = (int(rows.min()), int(columns.min())), (int(rows.max()), int(columns.max()))
    return cdn.Box(*first, last[0] + 1, last[1] + 1)


def cards(image: Picture, box: cdn.Box) -> tuple[Picture, Picture, Picture]:
    """Of the image's kind and size: a white one, one with the box in black, and a black one."""
    if isinstance(image, torch.Tensor):
        white = torch.full_like(image, 255 if image.dtype == torch.uint8 else 1)
        marked = white.clone()
        marked[..., box.top : box.bottom, box.left : box.right] = 0
        return white, marked, torch.zeros_like(image)
    blank, drawn, black = (Image.new("RGB", image.size, c) for c in ("white", "white", "black"))
    corners = ((box.left, box.top), (box.right - 1, box.bottom - 1))
    ImageDraw.Draw(drawn).rectangle(corners, fill="black")
    return blank, drawn, black
