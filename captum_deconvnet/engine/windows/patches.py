"""Patches: the projections of units, each inside its receptive field only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.engine.checks import warn_of_vanished
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.engine.windows.patch_walk import Arrival, PatchWalk, Seed
from captum_deconvnet.engine.windows.receptive_field import Box, ReceptiveField
from captum_deconvnet.short_repr import short_repr


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

    __repr__ = short_repr


def projected(
    walk: PatchWalk, units: Mapping[int, Unit], seeds: Mapping[int, Seed], field: ReceptiveField
) -> dict[int, Patch]:
    """The patches of all units, by number; a patch that underflows comes with a warning."""

    def back(values: Mapping[int, float]) -> Iterator[Tensor]:
        larger = {number: replace(seeds[number], value=value) for number, value in values.items()}
        return (patch.pixels for _, patch in patches(walk, units, larger, field))

    found = dict(patches(walk, units, seeds, field))
    pixels = {number: patch.pixels for number, patch in found.items()}
    warn_of_vanished(pixels, {number: seed.value for number, seed in seeds.items()}, back)
    return found


def patches(
    walk: PatchWalk, units: Mapping[int, Unit], seeds: Mapping[int, Seed], field: ReceptiveField
) -> Iterator[tuple[int, Patch]]:
    """The patch of every unit, with its number, in the order in which they are done."""
    for number, arrival in walk.run(seeds):
        unit = units[number]
        box = field.box(unit.row, unit.column)
        yield number, Patch(unit, box, cut(arrival, box, walk.image.shape[1:]))


def cut(arrival: Arrival, box: Box, shape: Sequence[int]) -> Tensor:
    """The pixels of a box of the image, of ``shape`` (C, H, W); zero where none arrived."""
    first = (*[0] * (len(shape) - 2), box.top, box.left)
    last = (*shape[:-2], box.bottom, box.right)
    pads: list[int] = []
    for dim in reversed(range(len(shape))):
        before = arrival.start[dim] - first[dim]
        pads += [before, last[dim] - first[dim] - before - arrival.pixels.shape[dim]]
    return F.pad(arrival.pixels, pads) if any(pads) else arrival.pixels.clone()
