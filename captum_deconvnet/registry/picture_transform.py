"""The preprocessing of a net whose own is not known: scaled, cropped, and standardised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from captum_deconvnet.errors import ImageError
from captum_deconvnet.registry.importing import guarded
from captum_deconvnet.registry.input_size import size_name
from captum_deconvnet.registry.transforms import rgb_image

PICTURE_CHANNELS = (1, 3, 4)
BEYOND = 0.01
"""How far rounding may take colours out of [0, 1]; values further out are no colours."""


@dataclass(frozen=True)
class PictureTransform:
    """Makes a net's input of a picture, or of an array of any number of channels.

    A picture of one channel is grey, of four red, green, blue and opacity. It is scaled until it
    covers the input, and its middle is taken. Unsigned 8-bit numbers are divided by 255; others
    are taken as they are.

    Args:
        size: of the input, (C, H, W); of any other shape, (C, ...), only arrays are taken.
        mean: one a channel, subtracted.
        std: one a channel, divided by.
    """

    size: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, picture: Image.Image | Tensor) -> Tensor:
        """The input (C, H, W) for a picture or for an array (C, H, W).

        Raises:
            ImageError: it is neither, or has another number of channels.
        """
        values = self._values(picture)
        if values.ndim == len(self.size) + 1 and len(values) == 1:
            values = values[0]
        if values.ndim == len(self.size) - 1 and self.size[0] == 1:
            values = values[None]
        if values.ndim != len(self.size) or values.shape[0] != self.size[0]:
            axes = ("L",) if len(self.size) == 2 else ("T", "H", "W")[-len(self.size) + 1 :]
            raise ImageError(
                f"The image has the shape {tuple(values.shape)}; "
                f"({', '.join((str(self.size[0]), *axes))}) was expected."
            )
        shape = (-1,) + (1,) * (values.ndim - 1)
        mean, std = (torch.tensor(each).view(shape) for each in (self.mean, self.std))
        return (covering(values, self.size[1:]) - mean) / std

    def _values(self, picture: Image.Image | Tensor) -> Tensor:
        if isinstance(picture, Image.Image):
            return self._colours(picture)
        if not isinstance(picture, Tensor):
            kind = type(picture).__name__
            raise ImageError(f"Expected a Pillow image or a tensor, got {kind}.")
        if picture.is_complex():
            raise ImageError(f"Expected real numbers, got {picture.dtype}.")
        if len(self.size) == 3 and self.size[0] in PICTURE_CHANNELS and is_picture(picture):
            return self._colours(rgb_image(picture))
        scale = 255 if picture.dtype == torch.uint8 else 1
        return picture.to(torch.get_default_dtype()) / scale

    def _colours(self, picture: Image.Image) -> Tensor:
        channels = self.size[0]
        if len(self.size) != 3 or channels not in PICTURE_CHANNELS:
            raise ImageError(
                f"A picture has 1, 3 or 4 channels, and the net takes {size_name(self.size)}: give "
                "an array of that many, as a .npy file or a tensor."
            )
        if channels == 3:
            picture = rgb_image(picture)
        else:
            picture = picture.convert("L" if channels == 1 else "RGBA")
        flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        pixels = flat.view(picture.height, picture.width, channels).permute(2, 0, 1)
        return pixels.to(torch.get_default_dtype()) / 255


@dataclass(frozen=True)
class UserTransform:
    """A preprocessing of the user's own, whose results are checked.

    Args:
        function: turns an RGB Pillow image, or an array as it was read, into an input (C, H, W).
        name: what errors call it.
    """

    function: Callable[[Any], Any]
    name: str

    def __call__(self, picture: Image.Image | Tensor) -> Tensor:
        """The input (C, H, W) for a picture.

        Raises:
            ModelError: the function raised.
            ImageError: it does not give a tensor of floating point numbers.
        """
        if is_picture(picture):
            picture = rgb_image(picture)
        given = guarded(lambda: self.function(picture), f"prepare an image by {self.name}")
        if not isinstance(given, Tensor) or not given.is_floating_point():
            kind = given.dtype if isinstance(given, Tensor) else type(given).__name__
            raise ImageError(
                f"{self.name} makes {kind} of an image; a tensor (C, H, W) of floating point "
                "numbers was expected."
            )
        return given[0] if given.ndim == 4 and len(given) == 1 else given


@dataclass(frozen=True)
class InverseTransform:
    """Undoes ``(value - mean) / std``; what then are no colours is stretched to colours.

    Args:
        mean: one a channel.
        std: one a channel.
        dimensions: of one input: 3 for (C, H, W).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    dimensions: int = 3

    def __call__(self, values: Tensor) -> Tensor:
        """Colours in [0, 1] of the same shape as the inputs (C, H, W) or (N, C, H, W).

        Inputs with values further out than rounding takes them are stretched, each for itself, so
        that its smallest value is 0 and its largest 1.
        """
        shape = (-1,) + (1,) * (self.dimensions - 1)
        mean, std = (
            torch.tensor(each, dtype=values.dtype, device=values.device).view(shape)
            for each in (self.mean, self.std)
        )
        return stretched(values * std + mean, self.dimensions)


def is_picture(values: Image.Image | Tensor) -> bool:
    """Whether a tensor is an 8-bit picture, (1, H, W) or (3, H, W)."""
    return (
        isinstance(values, Tensor)
        and values.dtype == torch.uint8
        and values.ndim == 3
        and values.shape[0] in (1, 3)
    )


def covering(values: Tensor, size: tuple[int, ...]) -> Tensor:
    """The middle of (C, H, W), scaled until it covers a size (H, W); others as they are."""
    if len(size) != 2 or tuple(values.shape[1:]) == size:
        return values
    scale = max(wanted / side for wanted, side in zip(size, values.shape[1:], strict=True))
    larger = [
        max(round(scale * side), wanted)
        for wanted, side in zip(size, values.shape[1:], strict=True)
    ]
    scaled = F.interpolate(values[None], larger, mode="bilinear", antialias=True)[0]
    top, left = ((side - wanted) // 2 for wanted, side in zip(size, larger, strict=True))
    return scaled[:, top : top + size[0], left : left + size[1]]


def stretched(colours: Tensor, dimensions: int) -> Tensor:
    """Each input (C, ...) stretched to [0, 1] if it leaves that range, and clipped."""
    over = tuple(range(-dimensions, 0))
    low, high = colours.amin(over, keepdim=True), colours.amax(over, keepdim=True)
    leaves = (low < -BEYOND) | (high > 1 + BEYOND)
    span = torch.where(high > low, high - low, torch.ones_like(high))
    return torch.where(leaves, (colours - low) / span, colours).clamp(0, 1)


def inverse_of(transform: UserTransform, channels: int, dimensions: int) -> InverseTransform:
    """Undoes the change of colours of a user's transform, as black and white cards show it."""
    black, white = (_flat(transform, grey, channels) for grey in (0, 255))
    if black is None or white is None or bool(((white - black).abs() < BEYOND**2).any()):
        return InverseTransform((0.0,) * channels, (1.0,) * channels, dimensions)
    gain = white - black
    return InverseTransform(
        tuple((-black / gain).tolist()), tuple(gain.reciprocal().tolist()), dimensions
    )


def _flat(transform: UserTransform, grey: int, channels: int) -> Tensor | None:
    """What becomes of one grey, by channel."""
    try:
        card = transform(Image.new("RGB", (512, 512), (grey,) * 3))
    except Exception:
        return None  # it takes arrays only
    return card.flatten(1).mean(1).double() if card.shape[0] == channels else None
