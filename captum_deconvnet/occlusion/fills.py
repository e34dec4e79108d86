"""What an occluder is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from captum_deconvnet.errors import ImageError, ModelError, unknown_name
from captum_deconvnet.registry import LoadedModel

GREY = 128
BLUR = 10.0
"""Standard deviation of the blur, in pixels."""

Fill = None | str | int | float | Tensor | Callable[[Tensor], Tensor]


def filled(fill: Fill, images: Tensor, loaded: LoadedModel | None) -> Tensor:
    """What covers ``images``, of their shape.

    Args:
        fill: ``"grey"`` is 128 of 255 before the model's transform, ``"mean"`` each image's mean
            colour, ``"blur"`` the image blurred; a number, a tensor that broadcasts, or a function
            of the images; ``None`` is grey if the transform is known, else 0, the mean of
            normalised images.
        images: (N, C, H, W).
        loaded: the model with its transform, if it was loaded by name.

    Raises:
        UnknownNameError: for a name that is none of the three.
        ModelError: for ``"grey"`` without a transform, or a fill that does not fit the images.
    """
    if fill is None:
        fill = "grey" if loaded is not None else 0.0
    found: Any = _named(fill, images, loaded) if isinstance(fill, str) else fill
    if callable(found) and not isinstance(found, Tensor):
        found = found(images)
    try:
        return torch.as_tensor(found, dtype=images.dtype, device=images.device).expand(images.shape)
    except RuntimeError as error:
        raise ModelError(
            f"A fill of shape {tuple(found.shape)} does not fit images {tuple(images.shape)}."
        ) from error


def _named(fill: str, images: Tensor, loaded: LoadedModel | None) -> Tensor:
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
        raise ModelError(
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
