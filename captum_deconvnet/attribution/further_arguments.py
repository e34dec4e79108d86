"""A model's arguments after its inputs, for batches that hold an image more than once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from captum_deconvnet.attribution.captum_compat import format_additional_forward_args


def as_arguments(additional: Any) -> tuple[Any, ...]:
    """What was given as ``additional_forward_args``, None, one argument or a tuple, as a tuple."""
    found: tuple[Any, ...] = format_additional_forward_args(additional) or ()
    return found


def for_rows(additional: tuple[Any, ...], images: int, rows: Sequence[int]) -> tuple[Any, ...]:
    """The arguments for a batch whose rows are the given images.

    A tensor with a row for each of ``images`` is repeated by row; anything else stays as it is.
    """
    return tuple(item[list(rows)] if _has_rows(item, images) else item for item in additional)


def are_by_image(additional: tuple[Any, ...], images: int) -> bool:
    """Whether one of the arguments has a row for each image."""
    return any(_has_rows(item, images) for item in additional)


def _has_rows(item: Any, images: int) -> bool:
    return isinstance(item, Tensor) and item.dim() > 0 and len(item) == images
