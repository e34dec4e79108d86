"""Fills: what covers a part of an image, or comes in from outside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from captum_deconvnet.errors import FillError, ImageError, unknown_name
from captum_deconvnet.registry import LoadedModel

GREY = 128
BLUR = 10.0
"""Standard deviation of the blur, in pixels."""

Fill = None | str | int | float | Sequence[float] | Tensor | Callable[[Tensor], Tensor]


def filled(fill: Fill, images: Tensor, loaded: LoadedModel | None) -> Tensor:
    """What covers ``images``, of their shape.

    Args:
        fill: ``"grey"`` is 128 of 255 before the model's transform, ``"mean"`` each image's mean
            colour, ``"blur"`` the image blurred; a number, a list, tuple or tensor of one number a
            channel, a tensor that broadcasts, or a function of the images; ``None`` is grey if the
            transform is known, else 0, the mean of normalised images.
        images: (N, C, H, W); for a number or a tensor that broadcasts, of any dimensions.
        loaded: the model with its transform, if it was loaded by name.

    Raises:
        UnknownNameError: for a name that is none of the three.
        FillError: for ``"grey"`` without a transform, or a fill that does not fit the images.
    """
    if fill is None:
        fill = "grey" if loaded is not None else 0.0
    found: Any = _named(fill, images, loaded) if isinstance(fill, str) else fill
    if callable(found) and not isinstance(found, Tensor):
        found = found(images)
    try:
        cover = torch.as_tensor(found, dtype=images.dtype, device=images.device)
        return by_channel(cover, images).expand(images.shape)
    except FillError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        shape = tuple(found.shape) if isinstance(found, Tensor) else f"{found!r:.60}"
        raise FillError(f"The fill {shape} does not fit images {tuple(images.shape)}.") from error


def by_channel(cover: Tensor, images: Tensor) -> Tensor:
    """The cover, one number a channel (C,) made to broadcast to images (N, C, H, W).

    Raises:
        FillError: there are not as many numbers as channels.
    """
    if cover.dim() != 1 or images.dim() != 4:
        return cover
    if len(cover) not in (1, images.shape[1]):
        raise FillError(
            f"The fill has {len(cover)} numbers and the images {images.shape[1]} channels: give "
            "one number, or one a channel."
        )
    return cover.view(-1, 1, 1)


def _named(fill: str, images: Tensor, loaded: LoadedModel | None) -> Tensor:
    if images.dim() != 4:
        raise FillError(
            f"The fill {fill!r} is of images (N, C, H, W), and the input is {tuple(images.shape)}: "
            "give a number or a tensor."
        )
    if fill == "mean":
        colours: Tensor = images.mean((2, 3), keepdim=True, dtype=_wide(images))
        return colours if images.is_floating_point() else colours.round()
    if fill == "blur":
        from torchvision.transforms.functional import gaussian_blur  # slow to import

        size = 2 * int(min(4 * BLUR, (min(images.shape[-2:]) - 1) // 2)) + 1
        blurred: Tensor = gaussian_blur(images, [size, size], [BLUR, BLUR])
        return blurred
    if fill not in ("grey", "gray"):
        raise unknown_name("fill", fill, ("grey", "mean", "blur"))
    if loaded is None:
        raise FillError(
            "Grey is a colour of pixels: give a model loaded by name, whose transform is known, or "
            "the fill as a number or tensor in the model's own space."
        )
    return _grey_card(loaded).mean((-2, -1), keepdim=True)


def _wide(images: Tensor) -> torch.dtype:
    return images.dtype if images.is_floating_point() else torch.float64


def _grey_card(loaded: LoadedModel) -> Tensor:
    """A grey picture as the model takes it; a model that takes arrays gets a grey array."""
    channels, height, width = loaded.input_size[0], *loaded.input_size[-2:]
    shown: Tensor
    try:
        shown = loaded.transform(Image.new("RGB", (width, height), (GREY, GREY, GREY)))
    except ImageError:
        shown = loaded.transform(torch.full((channels, height, width), GREY, dtype=torch.uint8))
    return shown
