"""Regions: of every value, for every window, the box that can differ from the clean value.

A *span* is that box along one dimension: where it starts, for each window, and how long it is,
alike for all. A *region* has a span for each dimension that is cut; the other dimensions are
whole, so that an empty region is all of the value. Tensors that go with a region have the windows
in their first dimension, each with all images of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from torch import Tensor

from captum_deconvnet.occlusion.incremental.memory_layout import empty_shape


class Span(NamedTuple):
    """Where a box starts along one dimension, for each window, and how long it is."""

    starts: tuple[int, ...]
    size: int

    @property
    def stops(self) -> tuple[int, ...]:
        """The first place after the box, for each window."""
        return tuple(start + self.size for start in self.starts)


Region = tuple[tuple[int, Span], ...]
"""Pairs of dimension and span, by dimension."""

WHOLE: Region = ()
MOST = 0.9
"""A region with more than this share of its map is not worth cutting out."""


class RegionValues(NamedTuple):
    """A value under several windows: the numbers in its region, (windows * N, ...)."""

    tensor: Tensor
    region: Region


def fitted(starts: Sequence[int], stops: Sequence[int], length: int) -> Span | None:
    """One size for all windows, moved into the map where it sticks out; ``None`` if it is whole."""
    low = [min(max(start, 0), length) for start in starts]
    size = max(1, *(min(stop, length) - start for start, stop in zip(low, stops, strict=True)))
    if size >= length:
        return None
    return Span(tuple(min(start, length - size) for start in low), size)


def union(regions: Sequence[Region], shape: Sequence[int]) -> Region:
    """The smallest region that holds all of them."""
    first, *others = dict.fromkeys(regions)
    if not others:
        return first
    maps = [dict(region) for region in (first, *others)]
    dims = [dim for dim, _ in first if all(dim in spans for spans in maps)]
    joined = [(dim, _joined([spans[dim] for spans in maps], shape[dim])) for dim in dims]
    return tuple((dim, span) for dim, span in joined if span is not None)


def _joined(spans: Sequence[Span], length: int) -> Span | None:
    starts = [min(each) for each in zip(*(span.starts for span in spans), strict=True)]
    stops = [max(each) for each in zip(*(span.stops for span in spans), strict=True)]
    return fitted(starts, stops, length)


def share(region: Region, shape: Sequence[int]) -> float:
    """How much of a value is in the region, in (0, 1]."""
    found = 1.0
    for dim, span in region:
        found *= span.size / shape[dim]
    return found


def cut(clean: Tensor, region: Region, count: int, fill: float = 0.0) -> Tensor:
    """The clean value in the region, for ``count`` windows; ``fill`` where it sticks out."""
    images = clean.shape[0]
    found = _empty(clean, region, count)
    if any(
        start < 0 or start + span.size > clean.shape[dim]
        for dim, span in region
        for start in span.starts
    ):
        found.fill_(fill)
    for window in range(count):
        values, target = clean, found[window * images : (window + 1) * images]
        for dim, span in region:
            start = span.starts[window]
            low, high = max(start, 0), min(start + span.size, clean.shape[dim])
            values = values.narrow(dim, low, high - low)
            if high - low != span.size:
                target = target.narrow(dim, low - start, high - low)
        target.copy_(values)
    return found


def paste(target: Tensor, region: Region, changed: RegionValues, count: int) -> None:
    """Write what changed into ``target``, which shows ``region``, as far as it lies in there."""
    images = target.shape[0] // count
    outer, inner = dict(region), dict(changed.region)
    dims = sorted({*outer, *inner})
    overlaps = [[_overlap(outer.get(d), inner.get(d), w) for d in dims] for w in range(count)]
    start = 0
    for overlap, alike in groupby(overlaps):
        stop = start + len(list(alike))
        rows = slice(start * images, stop * images)
        _copy(target[rows], changed.tensor[rows], dims, overlap)
        start = stop


_Overlap = tuple[int, int, int | None]


def _overlap(outer: Span | None, inner: Span | None, window: int) -> _Overlap:
    """Where the overlap of two spans begins in the outer and in the inner one, and its length."""
    if inner is None:
        assert outer is not None
        return 0, outer.starts[window], outer.size
    begin = inner.starts[window]
    if outer is None:
        return begin, 0, inner.size
    offset = begin - outer.starts[window]
    into, out = max(offset, 0), max(-offset, 0)
    return into, out, min(outer.size - into, inner.size - out)


def _copy(target: Tensor, values: Tensor, dims: Sequence[int], overlap: Sequence[_Overlap]) -> None:
    for dim, (into, out, size) in zip(dims, overlap, strict=True):
        if size is None or size <= 0:
            return
        target = target.narrow(dim, into, size)
        values = values.narrow(dim, out, size)
    target.copy_(values)


def holds(outer: Region, inner: Region) -> bool:
    """Whether a region lies in another one for every window."""
    spans = dict(inner)
    return all(
        dim in spans
        and all(
            span.starts[w] <= start and start + spans[dim].size <= span.starts[w] + span.size
            for w, start in enumerate(spans[dim].starts)
        )
        for dim, span in outer
    )


def _empty(like: Tensor, region: Region, count: int) -> Tensor:
    """Memory for a region of ``count`` windows, laid out as ``like`` is."""
    shape = list(like.shape)
    shape[0] *= count
    for dim, span in region:
        shape[dim] = span.size
    return empty_shape(like, shape)


def windowed(
    clean: Tensor, region: Region, changed: RegionValues, count: int, fill: float
) -> Tensor:
    """The value in ``region``: clean around what changed, ``fill`` beyond the map."""
    if changed.region == region:
        return changed.tensor
    if holds(changed.region, region):
        found = _empty(clean, region, count)
    else:
        found = cut(clean, region, count, fill)
    paste(found, region, changed, count)
    return found
