"""The versions of some images under one transform, and the values that are tried."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from captum_deconvnet.errors import NonFiniteError, TransformError
from captum_deconvnet.invariance.layer_changes import Undo
from captum_deconvnet.invariance.placement import Sampling, place
from captum_deconvnet.invariance.transforms import Size, Transform

ALL_SHOWN = 0.999
"""A position read from the frame alone has weight 1, up to rounding; at the border it has less."""


class Versions:
    """Images and their transforms; version 0 of each is the image itself.

    Values that change nothing have no version of their own: theirs is version 0.

    Args:
        images: (N, C, H, W).
        transform: what is done to them.
        values: how much, V of them.
        sampling: how they are read, framed and filled.
        equivariance: whether the transform is to be undone on feature maps.

    Raises:
        TransformError: with ``equivariance``, for a transform that does not move pixels.
    """

    def __init__(
        self,
        images: Tensor,
        transform: Transform,
        values: tuple[float, ...],
        sampling: Sampling,
        *,
        equivariance: bool = False,
    ) -> None:
        """Name the versions; nothing is transformed yet."""
        if equivariance and transform.placement is None:
            raise TransformError(
                f"The transform {transform.name!r} moves no pixels, so there is nothing to undo on "
                "the maps: leave equivariance=False."
            )
        self.images, self.transform, self.values = images, transform, values
        self.sampling, self.equivariance = sampling, equivariance
        self.changed = [value for value in values if not transform.is_identity(value)]

    @property
    def points(self) -> int:
        """How many versions there are of each image."""
        return 1 + len(self.changed)

    @property
    def columns(self) -> list[int]:
        """The version of each value."""
        numbers = iter(range(1, self.points))
        return [0 if self.transform.is_identity(value) else next(numbers) for value in self.values]

    def __call__(self, image: int, point: int) -> Tensor:
        """One version of one image, (1, C, height, width) as the model sees it."""
        picture = self.images[image : image + 1]
        if point == 0:
            return self.sampling.framed(picture)
        sampling = self.sampling.of_image(image, len(self.images))
        return self.transform(picture, self.changed[point - 1], sampling)

    def undo(self, jump: tuple[float, float]) -> Undo:
        """How the maps of a layer are put back.

        Args:
            jump: pixels from one unit of the layer to the next, down and to the right.

        Returns:
            A function of maps (1, C, h, w) and their version; it gives the maps put back, and which
            positions are known then, (1, 1, h, w): those that the version still shows.
        """

        def undone(maps: Tensor, point: int) -> tuple[Tensor, Tensor]:
            shown = torch.ones_like(maps[:, :1])
            if point == 0:
                return maps, shown
            assert self.transform.placement is not None  # checked when this was made
            placement = self.transform.placement(self.changed[point - 1])
            back = placement.inverse(1 / jump[0], 1 / jump[1])
            known = place(shown, back, self.sampling.interpolation) > ALL_SHOWN
            return place(maps, back, self.sampling.interpolation), known.to(maps)

        return undone


def checked_values(
    transform: Transform, values: Iterable[float] | None, size: Size
) -> tuple[float, ...]:
    """The values given, or the transform's own, for images of ``size`` (height, width).

    Raises:
        TransformError: there are none, one is no number, or one cannot be used at that size.
        NonFiniteError: one is NaN or infinite.
    """
    found = transform.values(size) if values is None else tuple(as_number(v) for v in values)
    if not found:
        raise TransformError(
            f"The transform {transform.name!r} has no values to try: give values=[...]."
        )
    for value in found:
        check_value(transform, value, size)
    return found


def as_number(value: object) -> float:
    """One value as a float."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise TransformError(f"A transform's values are numbers; given {value!r}.") from error


def check_value(transform: Transform, value: float, size: Size) -> None:
    """Raise for a value that cannot be used."""
    if not math.isfinite(value):
        raise NonFiniteError(f"The transform {transform.name!r} is given the value {value}.")
    reason = transform.refuse(value, size)
    if reason:
        raise TransformError(f"The transform {transform.name!r} is given {value:g}: {reason}.")
