"""The support of a unit's signal: the window of every value that it reaches on its way back.

Pure geometry: the receptive field's walk, one axis of the layer at a time, with every window
clipped to its map. Rows and columns do not mix, so that a unit's windows are its row's and its
column's together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from captum_deconvnet.engine.tape.reach import Extent, Span, union
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.engine.windows.receptive_field import Line, Lines

Pattern = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Trail:
    """What one place along one axis of a layer reaches.

    Args:
        windows: the extent of every value that is reached, clipped to it.
        patterns: for each step, how its windows lie relative to one another; units whose patterns
            are equal there can pass it together.
    """

    windows: dict[Value, Extent]
    patterns: tuple[Pattern, ...]


def trail(steps: Sequence[Step], target: Value, axis: int | None, place: int) -> Trail:
    """Walk back from one place along ``axis`` of ``target``; ``None`` is the whole layer."""
    spans: list[Span] = [None] * len(target.shape)
    if axis is not None:
        spans[axis] = (place, place)
    windows = {target: tuple(spans)}
    raws: list[Sequence[Extent | None]] = []
    for step in reversed(steps):
        raws.append(_arrive(step, windows))
    patterns = [_pattern(step, raw, windows) for step, raw in zip(steps, raws[::-1], strict=True)]
    return Trail(windows, tuple(patterns))


def _arrive(step: Step, windows: dict[Value, Extent]) -> Sequence[Extent | None]:
    """What a step's output window sees of its inputs, unclipped; their windows grow by it."""
    if step.output not in windows:
        return [None] * len(step.inputs)
    raws = step.adjoint.extents(windows[step.output])
    for value, raw in zip(step.inputs, raws, strict=True):
        window = _clipped(raw, value)
        if window is not None:
            windows[value] = union(windows[value], window) if value in windows else window
    return raws


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


def _pattern(step: Step, raws: Sequence[Extent | None], windows: dict[Value, Extent]) -> Pattern:
    output = windows.get(step.output)
    parts = [
        None if raw is None or value not in windows else _offsets(raw, windows[value])
        for value, raw in zip(step.inputs, raws, strict=True)
    ]
    return (None if output is None else _offsets(output, output), *parts)


def _offsets(raw: Extent, window: Extent) -> Pattern:
    """Along each dimension: how far ``raw`` starts from its window, and both sizes."""
    return tuple(_offset(*spans) for spans in zip(raw, window, strict=True))


def _offset(raw: Span, window: Span) -> Pattern | None:
    if raw is None:
        return None
    if window is None:
        return raw  # a place of its own in the whole
    return raw[0] - window[0], raw[1] - raw[0], window[1] - window[0]


def apart_from_image(values: Iterable[Value], image: Value, lines: Lines) -> set[Value]:
    """The values of which each place along the first dimension sees its own image only."""
    count = image.shape[0]
    return {
        value
        for value in values
        if value.shape[:1] == (count,) and (count == 1 or lines.of(value, 0) == Line(0, 0, 1, 1))
    }


def apart_from_layer(
    steps: Sequence[Step], target: Value, values: Iterable[Value], places: Iterable[int]
) -> set[Value]:
    """The values of which each of these images of the layer sees its own place only."""
    trails = [(place, trail(steps, target, 0, place).windows) for place in places]
    return {
        value
        for value in values
        if all(_is_one(windows.get(value), place) for place, windows in trails)
    }


def keeps_apart(tape: Tape, target: Value, inputs: Sequence[Value], places: Iterable[int]) -> bool:
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
