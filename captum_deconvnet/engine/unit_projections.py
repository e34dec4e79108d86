"""Projections of units of full size: units of one layer go through the tape together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.backward import BackwardPass
from captum_deconvnet.engine.layers import RecordedLayer
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.engine.units import Unit, batch_limit, seed_batches
from captum_deconvnet.engine.windows.unit_windows import keeps_images_apart

Projections = Mapping[int, tuple[Tensor, ...]]
"""By the number of the unit in the request: a projection at each input."""


def project_units(
    backward: BackwardPass,
    images: Sequence[Value],
    recorded: RecordedLayer,
    units: Mapping[int, Unit],
    seed: str | float,
) -> Projections:
    """The projections of units of one layer; units of several images share a pass if they can."""
    tape, value, activation = backward.tape, recorded.value, recorded.activation
    numbers = {unit.image for unit in units.values()}
    limit = batch_limit(tape.steps_from(value), activation)
    shared = len(numbers) > 1 and keeps_images_apart(tape, value, images, numbers)
    projections = {}
    for batch in seed_batches(units, activation, seed, limit, shared=shared):
        answers = backward.run({value: batch.signal}, images)
        for number, (slot, image) in batch.places.items():
            projections[number] = tuple(answer[slot, image] for answer in answers)
    return projections


def rows_of_units(
    model: nn.Module, images: Sequence[Value], projections: Projections
) -> list[Tensor]:
    """The projections at each input, a row a unit, (units, C, H, W)."""
    if not projections:
        like = next(iter(model.parameters()))
        return [like.new_zeros(0, *image.shape[1:]) for image in images]
    rows = [projections[number] for number in range(len(projections))]
    return [torch.stack([row[number] for row in rows]) for number in range(len(images))]
