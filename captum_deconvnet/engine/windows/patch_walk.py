"""The way back of many units at once, each inside its receptive field only.

The seeds of one layer's units go back together, as batches of equally large windows. A batch is
split where the windows of its units no longer lie alike (at the border of a map they are cut
off), and where it would take more memory than it may.

Units of one layer on their way back together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from captum_deconvnet.engine.layers import Captured
from captum_deconvnet.engine.tape.adjoint import through_windows
from captum_deconvnet.engine.tape.batched_windows import Frame, Seats, through_whole
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.engine.windows.receptive_field import Lines
from captum_deconvnet.engine.windows.unit_windows import (
    Trail,
    apart_from_image,
    apart_from_layer,
    trail,
)
from captum_deconvnet.errors import BudgetError

pass

DEFAULT_BUDGET = 64 * 2**20
"""Bytes that the signals of the units on the way may take together."""

COPIES = 3
"""How often a signal may stand in memory while an operation passes it: given, made, laid out."""


@dataclass(frozen=True)
class Seed:
    """A value put on one place of a layer: image, channel, row, column."""

    place: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Arrival:
    """What arrived at the image from one unit: a window of pixels, and where it starts."""

    pixels: Tensor
    start: tuple[int, ...]


class PatchWalk:
    """The way back from one layer to the image, for any number of its units."""

    def __init__(
        self, tape: Tape, target: Captured, image: Value, lines: Lines, budget: int | None
    ) -> None:
        """Prepare the way; ``budget`` in bytes is kept to, the default only where it can be."""
        self.activation, self.target, self.image = target.activation, target.value, image
        self.steps = tape.between(target.value)
        values = {value for step in self.steps for value in (*step.inputs, step.output)}
        self.values = values | {target.value, image}
        self.apart = apart_from_image(self.values, image, lines)
        self.shares = self.values <= self.apart
        self.budget = DEFAULT_BUDGET if budget is None else budget
        self.is_strict = budget is not None
        self._trails: dict[tuple[int | None, int], Trail] = {}

    def run(self, seeds: Mapping[int, Seed]) -> Iterator[tuple[int, Arrival]]:
        """What arrives from each seed, by its number."""
        self._look_from_layer({seed.place[0] for seed in seeds.values()})
        numbers = sorted(seeds, key=lambda number: seeds[number].place[2:])
        size = self.activation.shape[1] * self.activation.element_size() * COPIES
        count = max(1, self.budget // (4 * size))
        for first in range(0, len(numbers), count):
            batch = self._seeded({n: seeds[n] for n in numbers[first : first + count]})
            yield from self._back(batch, len(self.steps) - 1, 0)

    def _look_from_layer(self, places: set[int]) -> None:
        """Learn which more values keep these images apart, where the image does not tell."""
        if not self.values <= self.apart:
            found = apart_from_layer(self.steps, self.target, self.values, places)
            self.apart, self.shares = self.apart | found, self.values <= found

    def _seeded(self, seeds: Mapping[int, Seed]) -> Batch:
        """The seeds on the layer, each in a window of one place."""
        trails = [self._trails_of(seed.place) for seed in seeds.values()]
        seats = Seats.of([seed.place[0] for seed in seeds.values()], shared=self.shares)
        batch = Batch(list(seeds), trails, seats, {})
        frame = batch.frame(self.target)
        assert frame is not None
        signal = self.activation.new_zeros(frame.sizes)
        for row, seed in enumerate(seeds.values()):
            signal[row, seed.place[1]] = seed.value
        batch.signals[self.target] = signal
        return batch

    def _trails_of(self, place: tuple[int, ...]) -> tuple[Trail, ...]:
        """What a unit's place along each axis of the layer reaches."""
        axes: Sequence[tuple[int | None, int]] = [*enumerate(place)][2:] or [(None, 0)]
        for axis in axes:
            if axis not in self._trails:
                self._trails[axis] = trail(self.steps, self.target, *axis)
        return tuple(self._trails[axis] for axis in axes)

    def _back(self, batch: Batch, start: int, held: int) -> Iterator[tuple[int, Arrival]]:
        """Take a batch back from step number ``start``; ``held`` bytes wait elsewhere."""
        for number in range(start, -1, -1):
            step = self.steps[number]
            if step.output not in batch.signals:
                continue
            parts = self._parts(batch, number, held)
            if len(parts) > 1:
                for part in parts:
                    smaller = batch.part(part, self._seats(batch, part))
                    yield from self._back(smaller, number, held + batch.nbytes)
                return
            self._pass(batch, step)
        yield from self._arrived(batch)

    def _parts(self, batch: Batch, number: int, held: int) -> list[list[int]]:
        """The units of a batch that may pass a step together: all of them, if it is one part."""
        parts = batch.alike(number)
        if len(parts) > 1:
            return parts
        count = self._allowed(batch, self.steps[number], held)
        return [parts[0][i : i + count] for i in range(0, len(parts[0]), count)]

    def _seats(self, batch: Batch, chosen: Sequence[int]) -> Seats:
        images = batch.seats.images.tolist()
        return Seats.of([images[row] for row in chosen], shared=self.shares)

    def _allowed(self, batch: Batch, step: Step, held: int) -> int:
        """How many units of a batch may pass a step together."""
        waiting = batch.nbytes // len(batch.numbers)
        needed = waiting + COPIES * self._passing(batch, step)
        free = self.budget - held
        if needed > free and self.is_strict and len(batch.numbers) == 1:
            raise BudgetError(
                f"One unit needs {held + needed} bytes at {step.operation} in "
                f"{step.module or 'the model'}, and the budget is {self.budget}: give more."
            )
        if needed * len(batch.numbers) <= free:
            return len(batch.numbers)
        return max(1, (free - batch.nbytes) // needed)

    def _passing(self, batch: Batch, step: Step) -> int:
        """The bytes of one unit's signals at both sides of a step."""
        size = self.activation.element_size()
        values = {*step.inputs, step.output}
        if not (values <= self.apart and step.adjoint.has_windows):
            return size * sum(prod(value.shape) for value in values)
        frames = [frame for value in values if (frame := batch.frame(value)) is not None]
        return size * sum(prod(frame.sizes[1:]) for frame in frames)

    def _pass(self, batch: Batch, step: Step) -> None:
        """Take a batch's signal through one step."""
        signal = batch.signals.pop(step.output)
        frames = [batch.frame(value) if value in self.apart else None for value in step.inputs]
        output = batch.frame(step.output) if step.output in self.apart else None
        if output is not None and all(value in self.apart for value in step.inputs):
            parts = through_windows(step.adjoint, signal, output, frames)
        else:
            parts = through_whole(step.adjoint, signal, output, frames)
        for value, frame, part in zip(step.inputs, frames, parts, strict=True):
            if part is None or (frame is None and value in self.apart):
                continue
            batch.signals[value] = batch.signals[value] + part if value in batch.signals else part

    def _arrived(self, batch: Batch) -> Iterator[tuple[int, Arrival]]:
        """What the units of a batch show in the image."""
        signal, frame = batch.signals.pop(self.image, None), batch.frame(self.image)
        if signal is None or frame is None:
            nothing = self.activation.new_zeros(()).expand(self.image.shape[1:])
            yield from (
                (number, Arrival(nothing, (0,) * nothing.dim())) for number in batch.numbers
            )
            return
        starts = [frame.starts(dim) for dim in range(1, len(frame.shape))]
        for row, number in enumerate(batch.numbers):
            yield number, Arrival(signal[row], tuple(start[row] for start in starts))


@dataclass(eq=False)
class Batch:
    """Units of one layer on their way back together, with the signals that wait at values."""

    numbers: list[int]
    trails: list[tuple[Trail, ...]]
    seats: Seats
    signals: dict[Value, Tensor]

    def part(self, chosen: Sequence[int], seats: Seats) -> Batch:
        """Some of the units, with their part of the signals."""
        rows = torch.tensor(chosen)
        return Batch(
            [self.numbers[row] for row in chosen],
            [self.trails[row] for row in chosen],
            seats,
            {value: signal[rows.to(signal.device)] for value, signal in self.signals.items()},
        )

    @property
    def nbytes(self) -> int:
        """The bytes of the waiting signals."""
        return sum(signal.nbytes for signal in self.signals.values())

    def frame(self, value: Value) -> Frame | None:
        """The windows of the units in a value; ``None`` if they do not all reach it."""
        if value not in self._frames:
            is_reached = all(value in trail.windows for trail in self.trails[0])
            self._frames[value] = self._framed(value) if is_reached else None
        return self._frames[value]

    def _framed(self, value: Value) -> Frame:
        extents = [[trail.windows[value] for trail in unit] for unit in self.trails]
        return Frame(value.shape, extents, self.seats)

    def alike(self, number: int) -> list[list[int]]:
        """The units by how their windows lie at one step."""
        groups: dict[object, list[int]] = {}
        for trails, rows in self._places.items():
            pattern = tuple(trail.patterns[number] for trail in trails)
            groups.setdefault(pattern, []).extend(rows)
        return list(groups.values())

    @cached_property
    def _frames(self) -> dict[Value, Frame | None]:
        return {}

    @cached_property
    def _places(self) -> dict[tuple[Trail, ...], list[int]]:
        """The units by their place in the layer."""
        places: dict[tuple[Trail, ...], list[int]] = {}
        for row, trails in enumerate(self.trails):
            places.setdefault(trails, []).append(row)
        return places
