"""The values of a transform that are to be tried, checked before any work."""

from __future__ import annotations

import math
from collections.abc import Iterable

from captum_deconvnet.errors import NonFiniteError, TransformError
from captum_deconvnet.invariance.transforms import Size, Transform


def values_of(
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
