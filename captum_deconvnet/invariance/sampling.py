"""What a transformed image is made of where the original does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from captum_deconvnet.errors import TransformError, unknown_name
from captum_deconvnet.invariance.placement import Fill

INTERPOLATIONS = ("bilinear", "nearest")


@dataclass(frozen=True)
class Sampling:
    """How transformed images are read, framed and filled; the paper says nothing of it.

    Args:
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill: what comes in from outside the image, in the units of the input: one number or one a
            channel. 0 is the mean colour of most networks.
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
        _, channels, height, width = images.shape
        if isinstance(self.fill, Sequence) and len(self.fill) != channels:
            raise TransformError(
                f"The fill has {len(self.fill)} numbers and the images {channels} channels: give "
                "one number, or one a channel."
            )
        if self.crop is not None and (self.crop[0] > height or self.crop[1] > width):
            raise TransformError(
                f"The crop {self.crop} is larger than the images, {(height, width)}: give larger "
                "images or a smaller crop."
            )

    def framed(self, images: Tensor) -> Tensor:
        """The centre (N, C, *crop) of images (N, C, H, W), or all of them without a crop."""
        if self.crop is None:
            return images
        height, width = self.crop
        top = (images.shape[-2] - height) // 2
        left = (images.shape[-1] - width) // 2
        return images[..., top : top + height, left : left + width]
