"""Transforms between pictures and inputs of a net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from PIL import Image
from torch import Tensor

from captum_deconvnet.errors import ImageError

Picture: TypeAlias = "Image.Image | Tensor"


@dataclass(frozen=True)
class ImageTransform:
    """A library's own preprocessing, for a picture of any mode.

    Args:
        steps: turns an RGB Pillow image into an input (3, H, W).
    """

    steps: Callable[[Image.Image], Tensor]

    def __call__(self, picture: Picture) -> Tensor:
        """Make the input (3, H, W) for a picture.

        Args:
            picture: a Pillow image, or an unsigned 8-bit tensor (3, H, W) or (1, H, W).

        Raises:
            ImageError: the picture is neither.
        """
        return self.steps(rgb_image(picture))


@dataclass(frozen=True)
class ClipTransform:
    """A library's own preprocessing of clips; a single picture becomes a still clip.

    Args:
        steps: turns an unsigned 8-bit clip (T, 3, H, W) into an input (3, T, H, W).
        frames: length of a still clip.
    """

    steps: Callable[[Tensor], Tensor]
    frames: int

    def __call__(self, pictures: Picture | Sequence[Picture]) -> Tensor:
        """Make the input (3, T, H, W) for one picture, or for a sequence of them.

        Args:
            pictures: a picture as :class:`ImageTransform` takes, a sequence of pictures of one
                size, or an unsigned 8-bit clip (T, 3, H, W).

        Raises:
            ImageError: it is none of these.
        """
        if isinstance(pictures, Image.Image) or (
            isinstance(pictures, Tensor) and pictures.ndim == 3
        ):
            pictures = [pictures] * self.frames
        frames = [pixels(rgb_image(picture)) for picture in pictures]
        if len({frame.shape for frame in frames}) != 1:
            raise ImageError("A clip needs at least one picture, and all of one size.")
        return self.steps(torch.stack(frames))


@dataclass(frozen=True)
class Denormalize:
    """Undoes ``(colour - mean) / std``.

    Args:
        mean: one a channel, of colours in [0, 1].
        std: one a channel.
        channel_dim: the channels' dimension, counted from the end: -3 in (N, C, H, W), -4 in clips.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_dim: int = -3

    def __call__(self, values: Tensor) -> Tensor:
        """Colours in [0, 1], clipped, of the same shape as the inputs."""
        shape = (-1,) + (1,) * (-self.channel_dim - 1)
        mean = torch.as_tensor(self.mean, dtype=values.dtype, device=values.device).view(shape)
        std = torch.as_tensor(self.std, dtype=values.dtype, device=values.device).view(shape)
        return (values * std + mean).clamp(0, 1)


def rgb_image(picture: Picture) -> Image.Image:
    """The picture as an RGB Pillow image.

    Raises:
        ImageError: it is neither a Pillow image nor an unsigned 8-bit tensor of 1 or 3 channels.
    """
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    if not isinstance(picture, Tensor):
        raise ImageError(
            f"Expected a Pillow image or a tensor, got {type(picture).__name__}; for an array use "
            "PIL.Image.fromarray."
        )
    if picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[0] not in (1, 3):
        raise ImageError(
            f"Expected an image tensor of unsigned 8-bit numbers, (3, H, W) or (1, H, W), got "
            f"{picture.dtype} {tuple(picture.shape)}."
        )
    return Image.fromarray(picture.expand(3, -1, -1).permute(1, 2, 0).cpu().numpy())


def pixels(image: Image.Image) -> Tensor:
    """The unsigned 8-bit pixels (3, H, W) of an RGB Pillow image."""
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return flat.view(image.height, image.width, 3).permute(2, 0, 1)
