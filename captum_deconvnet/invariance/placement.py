"""Placements: a picture moved, enlarged or turned about its centre, read and filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from captum_deconvnet.errors import TransformError, unknown_name
from captum_deconvnet.pictures.fills import Fill, filled

RIGHT_ANGLE = 90


@dataclass(frozen=True)
class Placement:
    """Where a picture is put in its frame.

    Args:
        down: pixels that it moves down.
        right: pixels that it moves to the right.
        scale: how many times larger it becomes, about the centre of the frame.
        degrees: how far it is turned, counter-clockwise, about the centre of the frame.
    """

    down: float = 0.0
    right: float = 0.0
    scale: float = 1.0
    degrees: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether the picture stays as it is."""
        return self.is_whole_shift and self.down == self.right == 0

    @property
    def is_whole_shift(self) -> bool:
        """Whether every pixel becomes another pixel, with nothing to interpolate."""
        whole = float(self.down).is_integer() and float(self.right).is_integer()
        return whole and self.scale == 1 and self.degrees % 360 == 0

    def is_right_turn(self, height: int, width: int) -> bool:
        """Whether it only turns, by right angles, a frame that fits itself when turned so."""
        step = RIGHT_ANGLE if height == width else 2 * RIGHT_ANGLE
        return self.down == self.right == 0 and self.scale == 1 and self.degrees % step == 0

    def inverse(self, height_ratio: float = 1.0, width_ratio: float = 1.0) -> Placement:
        """What undoes a move, a change of scale or a turn, in a frame of other pixels.

        Args:
            height_ratio: rows of that frame over rows of this one.
            width_ratio: the same for columns.
        """
        return Placement(
            -self.down * height_ratio, -self.right * width_ratio, 1 / self.scale, -self.degrees
        )


def place(
    images: Tensor, placement: Placement, interpolation: str = "bilinear", fill: Fill = 0.0
) -> Tensor:
    """Put images, or feature maps, elsewhere in their frame.

    Whole shifts and right turns copy pixels, without rounding; all else is
    ``torchvision.transforms.v2.functional.affine``.

    Args:
        images: (N, C, H, W); not changed, but returned as they are by the identity.
        placement: where they go.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill: what comes in from outside the frame, in every form of
            :func:`captum_deconvnet.pictures.fills.filled`.

    Returns:
        Images of the same shape.
    """
    if placement.is_identity:
        return images
    if placement.is_whole_shift:
        return shift(images, int(placement.down), int(placement.right), fill)
    if placement.is_right_turn(*images.shape[-2:]):
        return torch.rot90(images, int(placement.degrees // RIGHT_ANGLE), (-2, -1))
    return resampled(images, placement, interpolation, fill)


def shift(images: Tensor, down: int, right: int, fill: Fill) -> Tensor:
    """Images (N, C, H, W) moved by whole pixels."""
    height, width = images.shape[-2:]
    moved = filled(fill, images, None).clone()
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(right, 0), width + min(right, 0))
    old_rows = slice(max(-down, 0), height + min(-down, 0))
    old_columns = slice(max(-right, 0), width + min(-right, 0))
    moved[..., rows, columns] = images[..., old_rows, old_columns]
    return moved


def resampled(images: Tensor, placement: Placement, interpolation: str, fill: Fill) -> Tensor:
    """Images (N, C, H, W) read between their pixels."""
    if isinstance(fill, str | Tensor) or callable(fill):
        return _over(filled(fill, images, None), images, placement, interpolation)
    plain = 0.0 if fill is None else fill
    colours = list(plain) if isinstance(plain, Sequence) else [plain] * images.shape[-3]
    return _affine(images, placement, interpolation, colours)


def _over(cover: Tensor, images: Tensor, placement: Placement, interpolation: str) -> Tensor:
    """Images laid over a cover of their shape, as torchvision lays them over a colour."""
    moved = _affine(images, placement, interpolation, None)
    shown = _affine(torch.ones_like(images[:, :1]), placement, interpolation, None)
    if interpolation == "nearest":
        return torch.where(shown < 0.5, cover, moved)
    return moved * shown + (1 - shown) * cover


def _affine(
    images: Tensor, placement: Placement, interpolation: str, colours: list[float] | None
) -> Tensor:
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2 import functional as transforms

    moved: Tensor = transforms.affine(
        images,
        angle=-placement.degrees,  # torchvision's affine turns clockwise
        translate=[placement.right, placement.down],
        scale=placement.scale,
        shear=[0.0, 0.0],
        interpolation=InterpolationMode(interpolation),
        fill=colours,
    )
    return moved


INTERPOLATIONS = ("bilinear", "nearest")


@dataclass(frozen=True)
class Sampling:
    """How transformed images are read, framed and filled; the paper says nothing of it.

    Args:
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill: what comes in from outside the image, in the units of the input: a number or one a
            channel, ``"mean"``, ``"blur"``, a tensor, a function of the images; None is 0, the mean
            colour of most networks.
        crop: (height, width) of the centre that the model sees, so that what comes in is taken
            from a larger image; None if it sees all of it.

    Raises:
        UnknownNameError: for an unknown interpolation.
        TransformError: for a crop that is not two positive numbers.
    """

    interpolation: str = "bilinear"
    fill: Fill = 0.0
    crop: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.interpolation not in INTERPOLATIONS:
            raise unknown_name("interpolation", self.interpolation, INTERPOLATIONS)
        if self.crop is not None and (len(self.crop) != 2 or min(self.crop) < 1):
            raise TransformError(f"The crop is {self.crop}; give (height, width) in pixels.")

    def check(self, images: Tensor) -> None:
        """Raise for a crop or a fill that does not fit images (N, C, H, W)."""
        height, width = images.shape[-2:]
        filled(self.fill, images, None)
        if self.crop is not None and (self.crop[0] > height or self.crop[1] > width):
            raise TransformError(
                f"The crop {self.crop} is larger than the images, {(height, width)}: give larger "
                "images or a smaller crop."
            )

    def of_image(self, image: int, images: int) -> Sampling:
        """The same for one of several images: of a tensor with a fill for each, its own."""
        fill = self.fill
        if isinstance(fill, Tensor) and fill.dim() == 4 and len(fill) == images:
            return replace(self, fill=fill[image : image + 1])
        return self

    def framed(self, images: Tensor) -> Tensor:
        """The centre (N, C, *crop) of images (N, C, H, W), or all of them without a crop."""
        if self.crop is None:
            return images
        height, width = self.crop
        top = (images.shape[-2] - height) // 2
        left = (images.shape[-1] - width) // 2
        return images[..., top : top + height, left : left + width]
