"""Receptive fields, by projecting index ranges through the same record as signals."""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.projection.lines import Line, Lines
from captum_deconvnet.projection.reach import Extent, Span
from captum_deconvnet.projection.tape import Tape, Value

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, half-open: rows ``top`` to ``bottom - 1``."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of a layer can see of the image, in pixels, as (vertical, horizontal).

    Unit ``i`` sees the pixels from ``start + i * jump`` on, ``size`` of them, before clipping to
    the image (Araujo et al. 2019). A layer that sees everything has the image's size, start 0
    and jump 0.

    Args:
        size: extent of one unit's field, before clipping.
        jump: how far apart the fields of neighbouring units start.
        start: first pixel of unit 0; negative where padding is seen.
        image_size: the image's height and width.
    """

    size: tuple[int, int]
    jump: tuple[float, float]
    start: tuple[int, int]
    image_size: tuple[int, int]
    spans: tuple[Spans, Spans]

    def box(self, row: int, column: int) -> Box:
        """The pixels that the unit at ``(row, column)`` sees, clipped to the image.

        Of a unit that sees only padding it is the pixel nearest to what it sees.
        """
        (top, bottom), (left, right) = (
            _clipped(spans[min(place, len(spans) - 1)], size)
            for spans, place, size in zip(self.spans, (row, column), self.image_size, strict=True)
        )
        return Box(top, left, bottom, right)

    def __repr__(self) -> str:
        """Size, jump and start; the exact spans are many."""
        return f"ReceptiveField(size={self.size}, jump={self.jump}, start={self.start})"


def field_of(tape: Tape, lines: Lines, layer: Value, image: Value) -> ReceptiveField:
    """The receptive field of the units of ``layer`` on the image.

    ``lines`` answers where fields lie at equal distances; elsewhere every unit is walked back.
    """
    found = [_axis(tape, lines, layer, image, axis) for axis in (-2, -1)]
    height, width = image.shape[-2:]
    summaries = [_summary(spans) for spans in found]
    (size, jump, start) = zip(*summaries, strict=True)
    return ReceptiveField(size, jump, start, (height, width), (found[0], found[1]))


def _axis(tape: Tape, lines: Lines, layer: Value, image: Value, axis: int) -> Spans:
    """The span of every unit along one axis; one whole span for a layer without positions."""
    whole = (0, image.shape[axis] - 1)
    line = lines.of(layer, axis)
    if isinstance(line, Line) and line.axis == axis % len(image.shape):
        return tuple(line.span(place, place) for place in range(max(layer.shape[axis], 2)))
    if line is not None or len(layer.shape) != len(image.shape):
        return (whole,)

    def span(place: int) -> Span:
        seen = tape.extents({layer: _unit(len(layer.shape), axis, place)}, (image,))
        return seen[image][axis] if image in seen else whole

    spans = [span(place) for place in range(layer.shape[axis])]
    return tuple(found for found in spans if found is not None) if None not in spans else (whole,)


def _unit(dimensions: int, axis: int, place: int) -> Extent:
    spans: list[Span] = [None] * dimensions
    spans[axis] = (place, place)
    return tuple(spans)


def _summary(spans: Spans) -> tuple[int, float, int]:
    """Size, jump and start along one axis."""
    size = max(last - first + 1 for first, last in spans)
    if len(spans) == 1:
        return size, 0, spans[0][0]
    jump = (spans[-1][0] - spans[0][0]) / (len(spans) - 1)
    return size, int(jump) if jump == int(jump) else jump, spans[0][0]


def _clipped(span: tuple[int, int], size: int) -> tuple[int, int]:
    """The part of a span that lies in the image, half-open; never empty."""
    first = min(max(span[0], 0), size - 1)
    return first, max(min(span[1] + 1, size), first + 1)
