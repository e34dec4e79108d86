"""A unit: one activation of one feature map of one image."""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.errors import UnitError


@dataclass(frozen=True)
class Unit:
    """One activation, the thing that is projected (Zeiler & Fergus, section 2.1).

    Args:
        image: index into the batch that was recorded.
        layer: module path, e.g. ``"features.29"``.
        channel: index of the feature map.
        row: vertical position in the map; 0 for a layer without positions, such as a logit.
        column: horizontal position in the map; 0 for a layer without positions.
        value: the activation there; None if it is not known. A projection takes the recorded
            activation as its seed, whatever stands here.
        frame: position in time, for a video model.
    """

    image: int
    layer: str
    channel: int
    row: int = 0
    column: int = 0
    value: float | None = None
    frame: int = 0


def activation_of(unit: Unit) -> float:
    """The unit's activation.

    Raises:
        UnitError: it is not known.
    """
    if unit.value is None:
        raise UnitError(f"{unit} has no value: take units of a recording or a scan, which have.")
    return unit.value
