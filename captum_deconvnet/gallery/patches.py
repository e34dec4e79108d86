"""Projections cut to the receptive field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from captum_deconvnet.projection.receptive_field import Box
from captum_deconvnet.projection.recording import Recording
from captum_deconvnet.projection.units import Unit


@dataclass(frozen=True, eq=False)
class Patch:
    """The projection of one unit inside its receptive field; outside it is zero.

    Args:
        unit: the unit that was projected.
        box: the receptive field, clipped to the image.
        pixels: the projection in the box, ``(C, h, w)``, signed.
    """

    unit: Unit
    box: Box
    pixels: Tensor


def project_patches(recording: Recording, units: Sequence[Unit]) -> list[Patch]:
    """Project units and cut each projection to the unit's receptive field."""
    found = []
    for unit in units:  # one by one: full-size pictures of many units would not fit
        projection = recording.project([unit])
        picture = projection[0] if isinstance(projection, Tensor) else projection[0][0]
        box = recording.receptive_field(unit.layer).box(unit.row, unit.column)
        pixels = picture[..., box.top : box.bottom, box.left : box.right].clone()
        found.append(Patch(unit, box, pixels))
    return found
