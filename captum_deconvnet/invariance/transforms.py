"""The table of transforms: Fig. 5's translation, scale and rotation, and four changes of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.errors import NonFiniteError, TransformError, unknown_name
from captum_deconvnet.invariance.placement import Placement, Sampling, place

Change = Callable[[Tensor, float], Tensor]
Size = tuple[int, int]

PAPER_SIZE = 224
NOISE_SEED = 5


@dataclass(frozen=True)
class Transform:
    """A family of changes of an image, one for every value.

    Args:
        name: what it is called.
        unit: of the values, as an axis has it.
        values: the default values for images of some height and width.
        identity: the value that changes nothing, if there is one.
        placement: from a value to where the image goes, if the transform moves pixels.
        change: from images (N, C, H, W) and a value to changed images, if it does not.
        refuse: why a value cannot be used on images of some height and width; empty if it can.
    """

    name: str
    unit: str = ""
    values: Callable[[Size], tuple[float, ...]] = lambda size: ()
    identity: float | None = None
    placement: Callable[[float], Placement] | None = None
    change: Change | None = None
    refuse: Callable[[float, Size], str] = lambda value, size: ""

    def is_identity(self, value: float) -> bool:
        """Whether ``value`` leaves every image as it is."""
        turned = self.placement is not None and self.placement(value).is_identity
        return turned or value == self.identity

    def __call__(self, images: Tensor, value: float, sampling: Sampling) -> Tensor:
        """Images (N, C, H, W) changed by ``value``, as the model sees them.

        Raises:
            TransformError: if the change gives something of another shape.
            NonFiniteError: if it gives NaN or infinite values.
        """
        return sampling.framed(self._changed(images, value, sampling))

    def _changed(self, images: Tensor, value: float, sampling: Sampling) -> Tensor:
        if self.is_identity(value):
            return images
        if self.placement is not None:
            return place(images, self.placement(value), sampling.interpolation, sampling.fill)
        assert self.change is not None  # every row of the table has one of the two
        changed = self.change(images.clone(), value)
        check_changed(self.name, value, images, changed)
        return changed


def check_changed(name: str, value: float, images: Tensor, changed: Tensor) -> None:
    """Raise for a result that does not fit the model, or that is not finite."""
    given = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
    if given != tuple(images.shape):
        raise TransformError(
            f"The transform {name!r} at {value:g} turns {tuple(images.shape)} into {given}: it "
            "must keep the size. Crop or pad in it."
        )
    if not bool(torch.isfinite(changed).all()):
        raise NonFiniteError(f"The transform {name!r} at {value:g} gives NaN or infinite values.")


def steps(first: float, last: float, step: float) -> tuple[float, ...]:
    """Evenly spaced values, both ends included."""
    return tuple(round(first + step * n, 6) for n in range(round((last - first) / step) + 1))


def paper_shifts(side: int) -> tuple[float, ...]:
    """-60 to 60 pixels; on images smaller than the paper's, the same part of their side."""
    ratio = min(side / PAPER_SIZE, 1)
    return tuple(float(shift) for shift in sorted({round(n * ratio) for n in range(-60, 61, 5)}))


def too_far(value: float, side: int) -> str:
    """Why an image of that side cannot be moved so far."""
    return f"a shift must be smaller than the image, {side} pixels" if abs(value) >= side else ""


def blur(images: Tensor, sigma: float) -> Tensor:
    """Images after a Gaussian of deviation ``sigma`` pixels, cut off at three deviations."""
    from torchvision.transforms.v2 import functional as transforms

    size = 2 * math.ceil(3 * sigma) + 1
    blurred: Tensor = transforms.gaussian_blur(images, [size, size], [sigma, sigma])
    return blurred


def blur_too_wide(sigma: float, size: Size) -> str:
    """Why a Gaussian cannot be laid over images of that size."""
    if sigma < 0:
        return "a deviation is not negative"
    return "three deviations must fit the image" if math.ceil(3 * sigma) >= min(size) else ""


def contrast(images: Tensor, factor: float) -> Tensor:
    """Images stretched about their own mean."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + factor * (images - mean)


def noise(images: Tensor, deviation: float) -> Tensor:
    """Images with Gaussian noise: one pattern for all, so that only its strength varies."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    pattern = torch.randn(images.shape[1:], generator=generator).to(images)
    return images + deviation * pattern


ROWS = (
    Transform(
        "translation",
        "pixels down",
        values=lambda size: paper_shifts(size[0]),
        identity=0,
        placement=lambda value: Placement(down=value),
        refuse=lambda value, size: too_far(value, size[0]),
    ),
    Transform(
        "horizontal_translation",
        "pixels to the right",
        values=lambda size: paper_shifts(size[1]),
        identity=0,
        placement=lambda value: Placement(right=value),
        refuse=lambda value, size: too_far(value, size[1]),
    ),
    Transform(
        "scale",
        "times larger",
        values=lambda size: steps(1, 1.8, 0.05),
        identity=1,
        placement=lambda value: Placement(scale=value),
        refuse=lambda value, size: "" if value > 0 else "a scale is greater than 0",
    ),
    Transform(
        "rotation",
        "degrees counter-clockwise",
        values=lambda size: steps(0, 350, 10),
        identity=0,
        placement=lambda value: Placement(degrees=value),
    ),
    Transform(
        "blur",
        "pixels of deviation",
        values=lambda size: tuple(v for v in steps(0, 4, 0.5) if not blur_too_wide(v, size)),
        identity=0,
        change=blur,
        refuse=blur_too_wide,
    ),
    Transform(
        "brightness",
        "added to the input",
        values=lambda size: steps(-1, 1, 0.1),
        identity=0,
        change=lambda images, value: images + value,
    ),
    Transform(
        "contrast",
        "times stronger",
        values=lambda size: steps(0.2, 2, 0.1),
        identity=1,
        change=contrast,
        refuse=lambda value, size: "" if value >= 0 else "a factor is not negative",
    ),
    Transform(
        "noise",
        "deviation in units of the input",
        values=lambda size: steps(0, 1, 0.1),
        identity=0,
        change=noise,
        refuse=lambda value, size: "" if value >= 0 else "a deviation is not negative",
    ),
)
TRANSFORMS = {row.name: row for row in ROWS}
PAPER = ("translation", "scale", "rotation")


def transform_of(given: str | Transform | Change) -> Transform:
    """The transform of that name, or one made of a callable of images and a value.

    Raises:
        UnknownNameError: no transform of that name.
        TransformError: neither a name nor callable.
    """
    if isinstance(given, Transform):
        return given
    if isinstance(given, str):
        if given not in TRANSFORMS:
            raise unknown_name("transform", given, TRANSFORMS, f"Known: {', '.join(TRANSFORMS)}.")
        return TRANSFORMS[given]
    if not callable(given):
        raise TransformError(
            f"The transform is {given!r}; give a name ({', '.join(TRANSFORMS)}) or a function of "
            "images (N, C, H, W) and a value."
        )
    return Transform(getattr(given, "__name__", type(given).__name__), change=given)
