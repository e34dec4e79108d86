"""Receptive fields, by projecting index ranges through the same record as signals."""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.projection.reach import Extent, Span
from captum_deconvnet.projection.tape import Tape, Value


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
    spans: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]

    def box(self, row: int, column: int) -> Box:
        """The pixels that the unit at ``(row, column)`` sees, clipped to the image."""
        (top, bottom), (left, right) = (
            _clipped(spans[min(place, len(spans) - 1)], size)
            for spans, place, size in zip(self.spans, (row, column), self.image_size, strict=True)
        )
        return Box(top, left, bottom, right)

    def __repr__(self) -> str:
        """Size, jump and start; the exact spans are many."""
        return f"ReceptiveField(size={self.size}, jump={self.jump}, start={self.start})"


def field_of(tape: Tape, layer: Value, image: Value) -> ReceptiveField:
    """The receptive field of the units of ``layer`` on the image."""
    axes = (-2, -1)
    height, width = image.shape[-2:]
    found = [_axis(tape, layer, image, axis) for axis in axes]
    summaries = [_summary(spans, size) for spans, size in zip(found, (height, width), strict=True)]
    (size, jump, start) = zip(*summaries, strict=True)
    return ReceptiveField(size, jump, start, (height, width), (found[0], found[1]))


def _axis(tape: Tape, layer: Value, image: Value, axis: int) -> tuple[tuple[int, int], ...]:
    """The span of every unit along one axis; one whole span for a layer without positions."""
    whole = (0, image.shape[axis] - 1)
    if len(layer.shape) != len(image.shape):
        return (whole,)

    def span(place: int) -> tuple[int, int] | None:
        seen = tape.extents({layer: _unit(len(layer.shape), axis, place)}, (image,))
        return seen[image][axis] if image in seen else whole

    count = max(layer.shape[axis], 2)  # one place has no jump: look at where a second would be
    samples = {place: span(place) for place in sorted({0, 1, count // 2, count - 1})}
    regular = _regular(samples, count)
    spans = regular or [span(place) for place in range(layer.shape[axis])]
    return (whole,) if None in spans else tuple(spans)  # type: ignore[arg-type]


def _regular(
    samples: dict[int, tuple[int, int] | None], count: int
) -> list[tuple[int, int] | None] | None:
    """All spans, when the sampled ones lie at equal distances; else ``None``."""
    first, last = samples[0], samples[count - 1]
    if first is None or last is None or (last[0] - first[0]) % max(count - 1, 1):
        return None
    jump = (last[0] - first[0]) // max(count - 1, 1)
    spans = [(first[0] + i * jump, first[1] + i * jump) for i in range(count)]
    same = all(spans[place] == sample for place, sample in samples.items())
    return list(spans) if same else None


def _unit(dimensions: int, axis: int, place: int) -> Extent:
    spans: list[Span] = [None] * dimensions
    spans[axis] = (place, place)
    return tuple(spans)


def _summary(spans: tuple[tuple[int, int], ...], image: int) -> tuple[int, float, int]:
    """Size, jump and start along one axis."""
    size = max(last - first + 1 for first, last in spans)
    if len(spans) == 1:
        return size, 0, spans[0][0]
    jump = (spans[-1][0] - spans[0][0]) / (len(spans) - 1)
    return size, int(jump) if jump == int(jump) else jump, spans[0][0]


def _clipped(span: tuple[int, int], size: int) -> tuple[int, int]:
    return max(span[0], 0), min(span[1] + 1, size)
