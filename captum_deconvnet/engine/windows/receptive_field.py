"""Receptive fields: index ranges taken back through the same tape as signals.

Where the fields of a value's places lie at equal distances they are known for every value at once:
what one operation sees is composed with what its inputs see, one step each. Taking index ranges
back from every layer would cost the whole tape each.
"""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.engine.tape.reach import Extent, Span
from captum_deconvnet.engine.tape.tape import Step, Tape, Value

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, half-open: rows ``top`` to ``bottom - 1``.

    Args:
        top: its first row.
        left: its first column.
        bottom: the first row below it.
        right: the first column to the right of it.
    """

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
        spans: the first and the last pixel that each unit sees, before clipping, by row and by
            column of units; one of each if all units see the same.
    """

    size: tuple[int, int]
    jump: tuple[float, float]
    start: tuple[int, int]
    image_size: tuple[int, int]
    spans: tuple[Spans, Spans]

    def box(self, row: int, column: int) -> Box:
        """The pixels that the unit at ``(row, column)`` sees, clipped to the image.

        Of a unit that sees only padding it is the pixel nearest to what it sees.

        Args:
            row: of the unit in its map.
            column: of the unit in its map.
        """
        (top, bottom), (left, right) = (
            _clipped(spans[min(place, len(spans) - 1)], size)
            for spans, place, size in zip(self.spans, (row, column), self.image_size, strict=True)
        )
        return Box(top, left, bottom, right)

    def __repr__(self) -> str:
        """Size, jump and start; the exact spans are many."""
        return f"ReceptiveField(size={self.size}, jump={self.jump}, start={self.start})"


def field_of(tape: Tape, fields: RegularFields, layer: Value, image: Value) -> ReceptiveField:
    """The receptive field of the units of ``layer`` on the image.

    ``fields`` answers where fields lie at equal distances; elsewhere every unit is taken back.
    """
    found = [_spans_along(tape, fields, layer, image, axis) for axis in (-2, -1)]
    height, width = image.shape[-2:]
    summaries = [_summary(spans) for spans in found]
    (size, jump, start) = zip(*summaries, strict=True)
    return ReceptiveField(size, jump, start, (height, width), (found[0], found[1]))


def _spans_along(tape: Tape, fields: RegularFields, layer: Value, image: Value, axis: int) -> Spans:
    """The span of every unit along one axis; one whole span for a layer without positions."""
    whole = (0, image.shape[axis] - 1)
    field = fields.along(layer, axis)
    if isinstance(field, RegularField) and field.axis == axis % len(image.shape):
        return tuple(field.span(place, place) for place in range(max(layer.shape[axis], 2)))
    if field is not None or len(layer.shape) != len(image.shape):
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


@dataclass(frozen=True)
class RegularField:
    """Fields at equal distances: place ``i`` sees ``size`` pixels from ``start + i * jump`` on.

    Args:
        axis: the dimension of the image that is seen.
        start: first pixel that place 0 sees.
        jump: how far apart the fields of neighbours start.
        size: how many pixels one place sees.
    """

    axis: int
    start: int
    jump: int
    size: int

    def span(self, first: int, last: int) -> tuple[int, int]:
        """What the places from ``first`` to ``last`` see together."""
        return self.start + first * self.jump, self.start + last * self.jump + self.size - 1


WHOLE = "whole"
FieldAlong = RegularField | str | None
"""A regular field, ``WHOLE``, or ``None`` where fields lie at unequal distances."""


class RegularFields:
    """The regular fields of every value between the image and the output, by dimension."""

    def __init__(self, tape: Tape, image: Value) -> None:
        """Compose the tape's steps in forward order."""
        self._fields: dict[tuple[Value, int], FieldAlong] = {}
        for dim in range(len(image.shape)):
            self._fields[image, dim] = RegularField(dim, 0, 1, 1)
        for step in tape.steps:
            for dim, size in enumerate(step.output.shape):
                self._fields[step.output, dim] = self._composed(step, dim, size)

    def along(self, value: Value, dim: int) -> FieldAlong:
        """The fields of ``value`` along ``dim``."""
        return self._fields.get((value, dim % len(value.shape)), WHOLE)

    def _composed(self, step: Step, dim: int, size: int) -> FieldAlong:
        count = max(size, 2)  # one place has no jump: look at where a second would be
        seen: dict[int, tuple[int, Span]] = {}
        for place in sorted({0, 1, count // 2, count - 1}):
            found = self._seen(step, dim, place)
            if found is None or isinstance(found, str):
                return found
            seen[place] = found
        return _regular_field(seen)

    def _seen(self, step: Step, dim: int, place: int) -> tuple[int, Span] | str | None:
        """The image axis and span that one place of the step's output sees."""
        extent: list[Span] = [None] * len(step.output.shape)
        extent[dim] = (place, place)
        extents = zip(step.inputs, step.adjoint.extents(tuple(extent)), strict=True)
        through = [self._through(value, one) for value, one in extents]
        found = [one for one in through if isinstance(one, tuple)]
        if len(found) < len(through):
            return None if None in through else WHOLE
        if len({axis for axis, _ in found}) != 1:
            return WHOLE
        firsts, lasts = zip(*(span for _, span in found if span is not None), strict=True)
        return found[0][0], (min(firsts), max(lasts))

    def _through(self, value: Value, extent: Extent) -> tuple[int, Span] | str | None:
        """What an extent of ``value`` sees of the image."""
        spans = [(dim, span) for dim, span in enumerate(extent) if span is not None]
        if len(spans) != 1:
            return WHOLE
        dim, span = spans[0]
        field = self._fields.get((value, dim), WHOLE)
        return (field.axis, field.span(*span)) if isinstance(field, RegularField) else field


def _regular_field(seen: dict[int, tuple[int, Span]]) -> RegularField | None:
    """The regular field that fits the sampled places, if there is one."""
    axes = {axis for axis, _ in seen.values()}
    spans = {place: span for place, (_, span) in seen.items() if span is not None}
    first, second = spans[0], spans[1]
    field = RegularField(min(axes), first[0], second[0] - first[0], first[1] - first[0] + 1)
    fits = all(field.span(place, place) == span for place, span in spans.items())
    return field if fits and len(axes) == 1 else None
