"""Which inputs the places of a view can see: dimensions that stand, are merged or are split."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from operator import mul

from captum_deconvnet.engine.tape.reach import Extent, Reach, Span


def reshaped(shape: Sequence[int], output_shape: Sequence[int]) -> Reach:
    """A view: dimensions that stand unchanged keep their span, merged or split ones are whole.

    Those that the images are merged with, or were merged with, keep theirs too.
    """
    matches = dict(unchanged(list(shape), list(output_shape)))
    given, made = _leading(shape, output_shape), _leading(output_shape, shape)

    def reach(extent: Extent) -> Extent:
        spans = [extent[matches[dim]] if dim in matches else None for dim in range(len(shape))]
        if 0 not in matches:
            spans[:given] = refolded(extent[:made], output_shape[:made], shape[:given])
        return tuple(spans)

    return reach


def _leading(shape: Sequence[int], other_shape: Sequence[int]) -> int:
    """How many first dimensions hold the same numbers as some first ones of another shape.

    None if either begins with a single place.
    """
    others = set(accumulate(other_shape, mul))
    ends = [place for place, size in enumerate(accumulate(shape, mul), 1) if size in others]
    return ends[0] if ends and min(*shape[:1], *other_shape[:1]) > 1 else 0


def refolded(extent: Extent, shape: Sequence[int], other_shape: Sequence[int]) -> list[Span]:
    """The smallest extent of another shape with all places from the first to the last of one."""
    first = last = 0
    for span, size in zip(extent, shape, strict=True):
        low, high = (0, size - 1) if span is None else span
        first = first * size + min(max(low, 0), size - 1)
        last = last * size + min(max(high, 0), size - 1)
    spans: list[Span] = []
    pitches = [prod(other_shape[dim + 1 :]) for dim in range(len(other_shape))]
    for pitch in pitches:
        spans.append((first // pitch, last // pitch))
        if first // pitch != last // pitch:
            break
        first, last = first % pitch, last % pitch
    return [*spans, *(None,) * (len(other_shape) - len(spans))]


def unchanged(shape: list[int], output_shape: list[int]) -> list[tuple[int, int]]:
    """Pairs of (input, output) dimensions with equal size and equal product before them."""
    places = {
        (before, size): dim
        for dim, (before, size) in enumerate(_products(output_shape))
        if size > 1
    }
    return [
        (dim, places[key])
        for dim, key in enumerate(_products(shape))
        if key in places and key[1] > 1
    ]


def _products(shape: list[int]) -> list[tuple[int, int]]:
    """For each dimension the product of the sizes before it, and its size."""
    result, before = [], 1
    for size in shape:
        result.append((before, size))
        before *= size
    return result
