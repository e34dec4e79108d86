"""Receptive fields that lie at equal distances, for every value of a tape at once.

Composing what one operation sees with what its inputs see costs one step each, where walking
back from every layer would cost the whole tape each.
"""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.projection.reach import Extent, Span
from captum_deconvnet.projection.tape import Step, Tape, Value


@dataclass(frozen=True)
class Line:
    """Places along one dimension: place ``i`` sees ``size`` pixels from ``start + i * jump`` on.

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
Known = Line | str | None
"""A line, ``WHOLE``, or ``None`` where fields lie at unequal distances."""


class Lines:
    """The lines of every value on the way from the image, by value and dimension."""

    def __init__(self, tape: Tape, image: Value) -> None:
        """Compose the tape's steps in forward order."""
        self._known: dict[tuple[Value, int], Known] = {}
        for dim in range(len(image.shape)):
            self._known[image, dim] = Line(dim, 0, 1, 1)
        for step in tape.steps:
            for dim, size in enumerate(step.output.shape):
                self._known[step.output, dim] = self._composed(step, dim, size)

    def of(self, value: Value, dim: int) -> Known:
        """The line of ``value`` along ``dim``."""
        return self._known.get((value, dim % len(value.shape)), WHOLE)

    def _composed(self, step: Step, dim: int, size: int) -> Known:
        count = max(size, 2)  # one place has no jump: look at where a second would be
        seen: dict[int, tuple[int, Span]] = {}
        for place in sorted({0, 1, count // 2, count - 1}):
            found = self._seen(step, dim, place)
            if found is None or isinstance(found, str):
                return found
            seen[place] = found
        return _fitted(seen)

    def _seen(self, step: Step, dim: int, place: int) -> tuple[int, Span] | str | None:
        """The image axis and span that one place of the step's output sees."""
        extent: list[Span] = [None] * len(step.output.shape)
        extent[dim] = (place, place)
        parts = [
            self._through(value, part)
            for value, part in zip(step.inputs, step.adjoint.extents(tuple(extent)), strict=True)
        ]
        lines = [part for part in parts if isinstance(part, tuple)]
        if len(lines) < len(parts):
            return None if None in parts else WHOLE
        if len({axis for axis, _ in lines}) != 1:
            return WHOLE
        firsts, lasts = zip(*(span for _, span in lines if span is not None), strict=True)
        return lines[0][0], (min(firsts), max(lasts))

    def _through(self, value: Value, extent: Extent) -> tuple[int, Span] | str | None:
        """What an extent of ``value`` sees of the image."""
        spans = [(dim, span) for dim, span in enumerate(extent) if span is not None]
        if len(spans) != 1:
            return WHOLE
        dim, span = spans[0]
        line = self._known.get((value, dim), WHOLE)
        return (line.axis, line.span(*span)) if isinstance(line, Line) else line


def _fitted(seen: dict[int, tuple[int, Span]]) -> Line | None:
    """The line through the sampled places, if there is one."""
    axes = {axis for axis, _ in seen.values()}
    spans = {place: span for place, (_, span) in seen.items() if span is not None}
    first, second = spans[0], spans[1]
    line = Line(min(axes), first[0], second[0] - first[0], first[1] - first[0] + 1)
    fits = all(line.span(place, place) == span for place, span in spans.items())
    return line if fits and len(axes) == 1 else None
