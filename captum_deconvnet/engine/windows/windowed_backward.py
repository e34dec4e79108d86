"""The backward pass of many units of one layer at once, each inside its receptive field only.

The seeds of the units go back together, as batches of windows of one size. A batch is split where
the windows of its units have different offsets (at the border of a map they are cut off), and where
it would take more memory than it may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from torch import Tensor

from captum_deconvnet.engine.tape.adjoint import run_in_windows, run_on_whole_maps
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.engine.windows.receptive_field import RegularFields
from captum_deconvnet.engine.windows.unit_windows import (
    UnitBatch,
    UnitWindows,
    batched_as_images,
    batched_as_layer,
    unit_windows,
)
from captum_deconvnet.errors import BudgetError

DEFAULT_BUDGET = 64 * 2**20
"""Bytes that the signals of the units of a batch may take together."""

COPIES = 3
"""How often a signal may stand in memory while an operation passes it: given, made, laid out."""


@dataclass(frozen=True)
class Seed:
    """A value put on one place of a layer: image, channel, row, column."""

    place: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class PixelWindow:
    """What arrived at the image from one unit: a window of pixels, and where it starts."""

    pixels: Tensor
    start: tuple[int, ...]


class WindowedBackward:
    """The backward pass from one layer to the image, for any number of its units.

    Args:
        tape: of the forward pass.
        target: the layer's output, as the tape knows it.
        activation: the layer's output.
        image: the input, as the tape knows it.
        fields: the receptive fields of the tape's values.
        budget: bytes that the signals may take; the default is exceeded where one unit needs more.
    """

    def __init__(
        self,
        tape: Tape,
        target: Value,
        activation: Tensor,
        image: Value,
        fields: RegularFields,
        budget: int | None,
    ) -> None:
        """Find the steps to pass, and the values that have a batch dimension."""
        self.target, self.activation, self.image = target, activation, image
        self.steps = tape.steps_from(target)
        values = {value for step in self.steps for value in (*step.inputs, step.output)}
        self.values = values | {target, image}
        self.batched = batched_as_images(self.values, image, fields)
        self.shares_slots = self.values <= self.batched
        self.budget = DEFAULT_BUDGET if budget is None else budget
        self.is_strict = budget is not None
        self._unit_windows: dict[tuple[int | None, int], UnitWindows] = {}

    def run(self, seeds: Mapping[int, Seed]) -> Iterator[tuple[int, PixelWindow]]:
        """What arrives from each seed, by its number."""
        self._find_batched_as_layer({seed.place[0] for seed in seeds.values()})
        numbers = sorted(seeds, key=lambda number: seeds[number].place[2:])
        size = self.activation.shape[1] * self.activation.element_size() * COPIES
        count = max(1, self.budget // (4 * size))
        for first in range(0, len(numbers), count):
            batch = self._seeded({n: seeds[n] for n in numbers[first : first + count]})
            yield from self._backward(batch, len(self.steps) - 1, 0)

    def _find_batched_as_layer(self, places: set[int]) -> None:
        """Learn which more values keep these images apart, where the image does not tell."""
        if not self.values <= self.batched:
            found = batched_as_layer(self.steps, self.target, self.values, places)
            self.batched, self.shares_slots = self.batched | found, self.values <= found

    def _seeded(self, seeds: Mapping[int, Seed]) -> UnitBatch:
        """The seeds on the layer, each in a window of one place."""
        batch = UnitBatch.of(
            list(seeds),
            [seed.place[0] for seed in seeds.values()],
            [self._windows_of(seed.place) for seed in seeds.values()],
            shared=self.shares_slots,
        )
        windows = batch.windows_in(self.target)
        assert windows is not None
        signal = self.activation.new_zeros(windows.sizes)
        for row, seed in enumerate(seeds.values()):
            signal[row, seed.place[1]] = seed.value
        batch.signals[self.target] = signal
        return batch

    def _windows_of(self, place: tuple[int, ...]) -> tuple[UnitWindows, ...]:
        """The windows of a unit, for its place along each axis of the layer."""
        axes: Sequence[tuple[int | None, int]] = [*enumerate(place)][2:] or [(None, 0)]
        for axis in axes:
            if axis not in self._unit_windows:
                self._unit_windows[axis] = unit_windows(self.steps, self.target, *axis)
        return tuple(self._unit_windows[axis] for axis in axes)

    def _backward(
        self, batch: UnitBatch, start: int, held: int
    ) -> Iterator[tuple[int, PixelWindow]]:
        """Take a batch back from step number ``start``; ``held`` bytes wait elsewhere."""
        for number in range(start, -1, -1):
            step = self.steps[number]
            if step.output not in batch.signals:
                continue
            groups = self._groups(batch, number, held)
            if len(groups) > 1:
                for rows in groups:
                    smaller = batch.subset(rows, shared=self.shares_slots)
                    yield from self._backward(smaller, number, held + batch.nbytes)
                return
            self._run_step(batch, step)
        yield from self._pixel_windows(batch)

    def _groups(self, batch: UnitBatch, number: int, held: int) -> list[list[int]]:
        """The units of a batch that may pass a step together: one group if all may."""
        groups = batch.groups_at(number)
        if len(groups) > 1:
            return groups
        count = self._allowed(batch, self.steps[number], held)
        return [groups[0][i : i + count] for i in range(0, len(groups[0]), count)]

    def _allowed(self, batch: UnitBatch, step: Step, held: int) -> int:
        """How many units of a batch may pass a step together."""
        waiting = batch.nbytes // len(batch.numbers)
        needed = waiting + COPIES * self._bytes_of_one(batch, step)
        free = self.budget - held
        if needed > free and self.is_strict and len(batch.numbers) == 1:
            raise BudgetError(
                f"One unit needs {held + needed} bytes at {step.operation} in "
                f"{step.module or 'the model'}, and the budget is {self.budget}: give more."
            )
        if needed * len(batch.numbers) <= free:
            return len(batch.numbers)
        return max(1, (free - batch.nbytes) // needed)

    def _bytes_of_one(self, batch: UnitBatch, step: Step) -> int:
        """The bytes of one unit's signals at both sides of a step."""
        size = self.activation.element_size()
        values = {*step.inputs, step.output}
        if not (values <= self.batched and step.adjoint.has_windows):
            return size * sum(prod(value.shape) for value in values)
        found = [windows for value in values if (windows := batch.windows_in(value)) is not None]
        return size * sum(prod(windows.sizes[1:]) for windows in found)

    def _run_step(self, batch: UnitBatch, step: Step) -> None:
        """Take a batch's signal through one step."""
        signal = batch.signals.pop(step.output)
        output = self._windows(batch, step.output)
        inputs = [self._windows(batch, value) for value in step.inputs]
        if output is not None and all(value in self.batched for value in step.inputs):
            arrived = run_in_windows(step.adjoint, signal, output, inputs)
        else:
            arrived = run_on_whole_maps(step.adjoint, signal, output, inputs)
        for value, windows, new in zip(step.inputs, inputs, arrived, strict=True):
            if new is None or (windows is None and value in self.batched):
                continue
            batch.signals[value] = batch.signals[value] + new if value in batch.signals else new

    def _windows(self, batch: UnitBatch, value: Value) -> BatchedWindows | None:
        return batch.windows_in(value) if value in self.batched else None

    def _pixel_windows(self, batch: UnitBatch) -> Iterator[tuple[int, PixelWindow]]:
        """What the units of a batch show in the image."""
        signal, windows = batch.signals.pop(self.image, None), batch.windows_in(self.image)
        if signal is None or windows is None:
            nothing = self.activation.new_zeros(()).expand(self.image.shape[1:])
            empty = PixelWindow(nothing, (0,) * nothing.dim())
            yield from ((number, empty) for number in batch.numbers)
            return
        starts = [windows.starts(dim) for dim in range(1, len(windows.shape))]
        for row, number in enumerate(batch.numbers):
            yield number, PixelWindow(signal[row], tuple(start[row] for start in starts))
