"""An array that a command is given in place of a photograph: any number of channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from captum_deconvnet.cli.image import read_image
from captum_deconvnet.errors import ImageError

ARRAYS = (".npy", ".npz")
ENDINGS = (*ARRAYS, ".pt")


def read_picture(path: Path) -> Image.Image | Tensor:
    """Read an image file as 8-bit RGB, or a .npy, .npz or .pt file as an array (C, H, W).

    Raises:
        ImageError: it is neither, or holds other things than one array of numbers.
        OSError: the file cannot be opened.
    """
    return read_array(path) if path.suffix.lower() in ENDINGS else read_image(path)


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
