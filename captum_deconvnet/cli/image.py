"""The photograph a command is given, as a picture a network can look at."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from captum_deconvnet.errors import ImageError

ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def read_image(path: Path) -> Image.Image:
    """Read an image file as 8-bit RGB, turned the way its camera was held.

    Grey and palette images become RGB, transparent ones are laid on white, and 16-bit grey is
    scaled to 8 bits, which Pillow's own conversion would clip.

    Args:
        path: a file of any format that Pillow reads; of an animation, the first frame.

    Raises:
        ImageError: the file is no image, is cut short, has pixels without a known range, or has
            over 179 million of them, where Pillow suspects an attack.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large, but no bomb yet
        try:
            picture = Image.open(file)
            picture.load()
        except UnidentifiedImageError as error:
            raise ImageError(f"{path} is not an image that Pillow can read.") from error
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            reason = str(error).rstrip(".")
            raise ImageError(f"{path} cannot be read as an image: {reason}.") from error
    return to_rgb(ImageOps.exif_transpose(picture), path)


def to_rgb(picture: Image.Image, path: Path) -> Image.Image:
    """Convert any Pillow mode to RGB without losing what it shows."""
    if picture.mode in DEEP_MODES:
        picture = to_eight_bits(picture, path)
    if picture.mode == "F":
        raise ImageError(
            f"{path} has floating point pixels, whose range is unknown; save it with 8 or 16 bits."
        )
    if picture.mode in ALPHA_MODES or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return picture.convert("RGB")


def to_eight_bits(picture: Image.Image, path: Path) -> Image.Image:
    """Scale 16-bit grey, 0 to 65535, to 8 bits."""
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{path} has pixels outside 0 to 65535; save it with 8 or 16 bits.")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))
