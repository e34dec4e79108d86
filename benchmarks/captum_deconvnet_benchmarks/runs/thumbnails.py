"""The images of a run as its models see them, in colours: ``images/MODEL/0007.png``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from captum_deconvnet.figures.colours import bands
from captum_deconvnet_benchmarks.runs.files import write_durably
from captum_deconvnet_benchmarks.runs.studio import Block, Studio


def folder_of(model: str) -> str:
    """A model's name as a folder's."""
    return re.sub(r"[^\w.@-]", "_", model)


def write_thumbnails(folder: Path, studio: Studio, block: Block) -> None:
    """Draw the images of a block that are not yet drawn."""
    own = folder / folder_of(studio.choice.name)
    own.mkdir(exist_ok=True)
    colours = studio.loaded.inverse_transform(block.inputs).clamp(0, 1).cpu()
    for number, each in enumerate(colours, block.start):
        path = own / f"{number:04d}.png"
        picture = as_picture(each)
        write_durably(path, lambda part, made=picture: made.save(part, format="png"))  # type: ignore[misc]


def as_picture(colours: Tensor) -> Image.Image:
    """Colours (C, H, W) from 0 to 1 as an 8-bit picture, grey or in colours."""
    values = (bands(colours.movedim(0, -1).numpy()) * 255).round().astype(np.uint8)
    return Image.fromarray(values.squeeze(-1) if values.shape[-1] == 1 else values)
