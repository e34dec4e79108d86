"""An image file, or an array in place of one, read and prepared as the input of a network."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from captum_deconvnet.errors import ImageError, ModelError
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet.registry.transforms import Picture

ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
ARRAYS = (".npy", ".npz")
ENDINGS = (*ARRAYS, ".pt")


def read_picture(path: Path) -> Image.Image | Tensor:
    """Read an image file as 8-bit RGB, or a .npy, .npz or .pt file as an array (C, H, W).

    Raises:
        ImageError: it is neither, or holds other things than one array of numbers.
        OSError: the file cannot be opened.
    """
    return read_array(path) if path.suffix.lower() in ENDINGS else read_image(path)


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


def read_array(path: Path) -> Tensor:
    """The one array of numbers in a file; nothing in the file is run.

    Raises:
        ImageError: it is damaged, holds none or several, or holds something else than numbers.
        OSError: the file cannot be opened.
    """
    with path.open("rb"):
        pass
    try:
        found: Any = (
            torch.load(path, map_location="cpu", weights_only=True)
            if path.suffix.lower() == ".pt"
            else np.load(path, allow_pickle=False)
        )
        if isinstance(found, np.lib.npyio.NpzFile):
            with found:
                found = {name: found[name] for name in found.files}
    except Exception as error:  # a damaged archive can fail in any way
        reason = " ".join(str(error).split())[:100].rstrip(".") or type(error).__name__
        raise ImageError(f"{path} cannot be read as an array: {reason}.") from error
    return _numbers(_only(found, path), path)


def _only(found: Any, path: Path) -> Any:
    if not isinstance(found, dict):
        return found
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        raise ImageError(f"{path} must hold one array; it holds {len(found)}: {names}.")
    return next(iter(found.values()))


def _numbers(found: Any, path: Path) -> Tensor:
    """The array as a tensor: bytes as they are, other numbers as floating point."""
    if isinstance(found, np.ndarray) and found.dtype.kind in "uifb":
        found = torch.from_numpy(np.array(found if found.dtype.itemsize == 1 else found * 1.0))
    if not isinstance(found, Tensor) or found.is_complex() or found.ndim < 2:
        raise ImageError(f"{path} holds no array (C, H, W) of real numbers.")
    values = found if found.dtype == torch.uint8 else found.float()
    if not values.isfinite().all():
        raise ImageError(f"{path} has values that are NaN or infinite.")
    return values


def to_input(loaded: LoadedModel, image: Picture) -> Tensor:
    """The image as the network takes it: (1, C, H, W)."""
    tensor: Tensor = loaded.transform(image)
    if tensor.dim() != 3:
        shape = tuple(tensor.shape)
        raise ModelError(f"{loaded.name} turns an image into {shape}; (C, H, W) was expected.")
    return tensor.unsqueeze(0).to(loaded.example_input().device)


def to_picture(loaded: LoadedModel, tensor: Tensor) -> Tensor:
    """The input (1, C, H, W) as the picture that the network saw: (H, W, C) in [0, 1]."""
    picture: Tensor = loaded.inverse_transform(tensor[0])
    return picture.detach().clamp(0, 1).permute(1, 2, 0)


def plain_picture(size: tuple[int, int], grey: int) -> Image.Image:
    """A picture (width, height) of one grey, from 0 to 255."""
    return Image.new("RGB", size, (grey, grey, grey))
