"""The windows of units: which extent of every value a unit's signal reaches in a backward pass.

Pure geometry: as for receptive fields, one axis of the layer at a time, with every window
clipped to its map. Rows and columns do not mix, so that a unit's windows are its row's and its
column's together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from captum_deconvnet.engine.tape.batched_windows import BatchedWindows, ImageSlots
from captum_deconvnet.engine.tape.reach import Extent, Span, union
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.engine.windows.receptive_field import RegularField, RegularFields

Offsets = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class UnitWindows:
    """What one place along one axis of a layer reaches.

    Args:
        windows: the extent of every value that is reached, clipped to it.
        offsets: for each step, how far apart the windows at its two sides start, and their sizes;
            units whose offsets are equal there can pass the step together.
    """

    windows: dict[Value, Extent]
    offsets: tuple[Offsets, ...]


def unit_windows(steps: Sequence[Step], target: Value, axis: int | None, place: int) -> UnitWindows:
    """The windows of one place along ``axis`` of ``target``; ``None`` is the whole layer."""
    spans: list[Span] = [None] * len(target.shape)
    if axis is not None:
        spans[axis] = (place, place)
    windows = {target: tuple(spans)}
    reached = [_extend_windows(step, windows) for step in reversed(steps)]
    pairs = zip(steps, reached[::-1], strict=True)
    return UnitWindows(windows, tuple(_step_offsets(*pair, windows) for pair in pairs))


def _extend_windows(step: Step, windows: dict[Value, Extent]) -> Sequence[Extent | None]:
    """What a step's output window sees of its inputs, unclipped; their windows grow by it."""
    if step.output not in windows:
        return [None] * len(step.inputs)
    extents = step.adjoint.extents(windows[step.output])
    for value, extent in zip(step.inputs, extents, strict=True):
        window = _clipped(extent, value)
        if window is not None:
            windows[value] = union(windows[value], window) if value in windows else window
    return extents


def _clipped(extent: Extent, value: Value) -> Extent | None:
    """The part of an extent that lies inside the value; ``None`` if nothing does."""
    spans: list[Span] = []
    for span, size in zip(extent, value.shape, strict=True):
        if span is not None:
            span = max(span[0], 0), min(span[1], size - 1)
            if span[0] > span[1]:
                return None
        spans.append(span)
    return tuple(spans)


def _step_offsets(
    step: Step, extents: Sequence[Extent | None], windows: dict[Value, Extent]
) -> Offsets:
    output = windows.get(step.output)
    inputs = [
        None if extent is None or value not in windows else _offsets(extent, windows[value])
        for value, extent in zip(step.inputs, extents, strict=True)
    ]
    return (None if output is None else _offsets(output, output), *inputs)


def _offsets(extent: Extent, window: Extent) -> Offsets:
    """Along each dimension: how far ``extent`` starts from its window, and both sizes."""
    return tuple(_offset(*spans) for spans in zip(extent, window, strict=True))


def _offset(span: Span, window: Span) -> Offsets | None:
    if span is None:
        return None
    if window is None:
        return span  # a place of its own in the whole
    return span[0] - window[0], span[1] - span[0], window[1] - window[0]


@dataclass(eq=False)
class UnitBatch:
    """Units of one layer that go back together, with the signals that wait at values.

    Args:
        numbers: of the units.
        units: the windows of each unit, one an axis of the layer.
        image_slots: whose image each unit is of.
        signals: (units, C, h, w) each.
    """

    numbers: list[int]
    units: list[tuple[UnitWindows, ...]]
    image_slots: ImageSlots
    signals: dict[Value, Tensor]

    @classmethod
    def of(
        cls,
        numbers: list[int],
        images: Sequence[int],
        units: list[tuple[UnitWindows, ...]],
        *,
        shared: bool,
    ) -> UnitBatch:
        """A batch without signals; units of different images may have ``shared`` slots."""
        return cls(numbers, units, ImageSlots.of(images, shared=shared), {})

    def subset(self, rows: Sequence[int], *, shared: bool) -> UnitBatch:
        """Some of the units, with their rows of the signals."""
        index, images = torch.tensor(rows), self.image_slots.images.tolist()
        return UnitBatch(
            [self.numbers[row] for row in rows],
            [self.units[row] for row in rows],
            ImageSlots.of([images[row] for row in rows], shared=shared),
            {value: signal[index.to(signal.device)] for value, signal in self.signals.items()},
        )

    @property
    def nbytes(self) -> int:
        """The bytes of the waiting signals."""
        return sum(signal.nbytes for signal in self.signals.values())

    def windows_in(self, value: Value) -> BatchedWindows | None:
        """The windows of the units in a value; ``None`` if they do not all reach it."""
        if value not in self._windows:
            is_reached = all(value in axis.windows for axis in self.units[0])
            self._windows[value] = self._batched_windows(value) if is_reached else None
        return self._windows[value]

    def _batched_windows(self, value: Value) -> BatchedWindows:
        extents = [[axis.windows[value] for axis in unit] for unit in self.units]
        return BatchedWindows(value.shape, extents, self.image_slots)

    def groups_at(self, number: int) -> list[list[int]]:
        """The rows of the units, grouped by the offsets of their windows at one step."""
        groups: dict[object, list[int]] = {}
        for unit, rows in self._places.items():
            groups.setdefault(tuple(axis.offsets[number] for axis in unit), []).extend(rows)
        return list(groups.values())

    @cached_property
    def _windows(self) -> dict[Value, BatchedWindows | None]:
        return {}

    @cached_property
    def _places(self) -> dict[tuple[UnitWindows, ...], list[int]]:
        """The rows of the units, by the units' place in the layer."""
        places: dict[tuple[UnitWindows, ...], list[int]] = {}
        for row, unit in enumerate(self.units):
            places.setdefault(unit, []).append(row)
        return places


def batched_as_images(values: Iterable[Value], image: Value, fields: RegularFields) -> set[Value]:
    """The values of which each place along the first dimension sees its own image only."""
    count, own = image.shape[0], RegularField(0, 0, 1, 1)
    return {
        value
        for value in values
        if value.shape[:1] == (count,) and (count == 1 or fields.along(value, 0) == own)
    }


def batched_as_layer(
    steps: Sequence[Step], target: Value, values: Iterable[Value], places: Iterable[int]
) -> set[Value]:
    """The values of which each of these images of the layer sees its own place only."""
    reached = [(place, unit_windows(steps, target, 0, place).windows) for place in places]
    return {
        value
        for value in values
        if all(_is_one(windows.get(value), place) for place, windows in reached)
    }


def keeps_images_apart(
    tape: Tape, target: Value, inputs: Sequence[Value], places: Iterable[int]
) -> bool:
    """Whether each of these images of a layer sees its own image of every input, and no other."""
    return all(
        _is_one(extent, place)
        for place in places
        for extent in tape.extents({target: _image(target, place)}, inputs).values()
    )


def _image(value: Value, place: int) -> Extent:
    return ((place, place), *(None,) * (len(value.shape) - 1))


def _is_one(extent: Extent | None, place: int) -> bool:
    """Whether an extent is one place along the first dimension, or nothing at all."""
    return extent is None or extent[:1] == ((place, place),)
