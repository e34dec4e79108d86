"""Units, and the seeds that are put on a layer to project them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from numbers import Real

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.layers import layer_path
from captum_deconvnet.engine.tape.tape import Step
from captum_deconvnet.engine.windows.windowed_backward import Seed
from captum_deconvnet.errors import UnitError, unknown_name

MEMORY_BUDGET = 256 * 2**20
"""Bytes that the largest signal of one batch of projections may take."""


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


@dataclass(frozen=True)
class SeedBatch:
    """Seeds that are projected together.

    Args:
        signal: ``(slots, N, C, H, W)``; each slot holds at most one unit of each image.
        places: for each unit, by number, its slot and image.
    """

    signal: Tensor
    places: dict[int, tuple[int, int]]


def strongest_units(layer: str, activation: Tensor) -> list[Unit]:
    """The strongest unit of every map of every image of a layer's output (N, C, ...)."""
    if activation.dim() < 2:
        raise UnitError(f"The layer {layer!r} gives {tuple(activation.shape)}: it has no maps.")
    values, places = activation.flatten(2).max(2) if activation.dim() > 2 else (activation, None)
    flat = torch.zeros_like(values, dtype=torch.int64) if places is None else places
    found = zip(values.flatten().tolist(), flat.flatten().tolist(), strict=True)
    units = []
    for number, (value, place) in enumerate(found):
        image, channel = divmod(number, activation.shape[1])
        units.append(_unit(image, layer, channel, place, activation.shape[2:], value))
    return units


def _unit(
    image: int, layer: str, channel: int, place: int, size: Sequence[int], value: float
) -> Unit:
    height, width = (1, 1, *size)[-2:]
    frame, rest = divmod(place, height * width)
    row, column = divmod(rest, width)
    return Unit(image, layer, channel, row, column, value, frame)


def by_layer(model: nn.Module, units: Unit | Sequence[Unit]) -> dict[str, dict[int, Unit]]:
    """The units asked for, one or several, by the path of their layer and their number."""
    several = [units] if isinstance(units, Unit) else list(units)
    if not all(isinstance(unit, Unit) for unit in several):
        raise UnitError(f"Units to project are cdn.Unit(...), one or several; given {units!r}.")
    paths = {layer: layer_path(model, layer) for layer in {unit.layer for unit in several}}
    found: dict[str, dict[int, Unit]] = {}
    for number, unit in enumerate(several):
        found.setdefault(paths[unit.layer], {})[number] = unit
    return found


def position(unit: Unit, activation: Tensor) -> tuple[int, ...]:
    """The index of a unit into its layer's output."""
    places = (unit.frame, unit.row, unit.column)
    return (unit.image, unit.channel, *places[5 - activation.dim() :][: activation.dim() - 2])


def check_place(unit: Unit, activation: Tensor) -> None:
    """Raise for a unit outside its layer's output."""
    names = ("frame", "row", "column")[5 - activation.dim() :][: activation.dim() - 2]
    index = position(unit, activation)
    for name, place, size in zip(
        ("image", "channel", *names), index, activation.shape, strict=True
    ):
        if not 0 <= place < size:
            raise UnitError(
                f"{name} {place} is outside layer {unit.layer!r}, whose output is "
                f"{tuple(activation.shape)}: give a {name} from 0 to {size - 1}."
            )


def check_seed(seed: str | float) -> None:
    """Raise for a seed that is neither the unit's activation nor a number."""
    if seed != "activation" and not isinstance(seed, Real):
        raise unknown_name("seed", str(seed), ["activation"], 'Give "activation" or a number.')


def seed_of(unit: Unit, activation: Tensor, seed: str | float) -> Seed:
    """The seed of one unit of a layer's output, by itself."""
    check_seed(seed)
    check_place(unit, activation)
    place = position(unit, activation)
    return Seed(place, float(activation[place]) if isinstance(seed, str) else float(seed))


def batch_limit(steps: Sequence[Step], activation: Tensor) -> int:
    """How many signals of one recording fit the memory budget."""
    shapes = [value.shape for step in steps for value in (*step.inputs, step.output)]
    largest = max((prod(shape) for shape in shapes), default=1) * activation.element_size()
    return max(1, MEMORY_BUDGET // max(largest, 1))


def seed_batches(
    units: Mapping[int, Unit],
    activation: Tensor,
    seed: str | float,
    limit: int,
    *,
    shared: bool,
) -> Iterator[SeedBatch]:
    """Seeds of the given units of one layer, as few batches as ``limit`` slots allow.

    Units of different images may be ``shared``: stand in one slot.
    """
    check_seed(seed)
    taken: Counter[int] = Counter()
    slots: dict[int, tuple[int, Unit]] = {}
    for number, unit in units.items():
        check_place(unit, activation)
        own = unit.image if shared else 0
        slots[number] = (taken[own], unit)
        taken[own] += 1
    for first in range(0, max(taken.values(), default=0), limit):
        count = min(limit, max(taken.values()) - first)
        signal = activation.new_zeros(count, *activation.shape)
        inside = {n: (s - first, u) for n, (s, u) in slots.items() if first <= s < first + count}
        for slot, unit in inside.values():
            index = position(unit, activation)
            signal[(slot, *index)] = activation[index] if isinstance(seed, str) else float(seed)
        yield SeedBatch(signal, {n: (slot, unit.image) for n, (slot, unit) in inside.items()})
