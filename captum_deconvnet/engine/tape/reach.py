"""Which inputs an output can see: pure geometry, one small function a kind of operation.

A *span* is the ``(first, last)`` index along one dimension, both inclusive and not clipped to
the tensor, so that padding shows as a negative index; ``None`` means the whole dimension. An
*extent* is one span a dimension. A *reach* maps the extent of an operation's output to the
extent of one of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import ceil, floor, prod
from operator import mul

Span = tuple[int, int] | None
Extent = tuple[Span, ...]
Reach = Callable[[Extent], Extent]
InputRange = Callable[[int], tuple[int, int]]


def union(one: Extent, other: Extent) -> Extent:
    """The smallest extent that holds both."""
    return tuple(
        None if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))
        for a, b in zip(one, other, strict=True)
    )


def whole(dimensions: int) -> Reach:
    """Every output sees every input: linear layers, global pools, attention."""
    return lambda extent: (None,) * dimensions


def last_whole(extent: Extent) -> Extent:
    """All of the last dimension, the others at their own place: a linear layer."""
    return (*extent[:-1], None)


def rows_whole(extent: Extent) -> Extent:
    """All of the last but one dimension, the others at their own place: a matrix from the left."""
    return (*extent[:-2], None, *extent[-1:])


def whole_along(dims: Sequence[int]) -> Reach:
    """All of some dimensions, the others at their own place: roll, flip, choice, running sum."""
    return lambda extent: tuple(None if dim in dims else span for dim, span in enumerate(extent))


def pointwise(shape: Sequence[int]) -> Reach:
    """Each output sees the input at its own place; broadcast dimensions are seen whole."""

    def reach(extent: Extent) -> Extent:
        aligned = ((None,) * len(shape) + tuple(extent))[len(extent) :]
        return tuple(None if size == 1 else span for size, span in zip(shape, aligned, strict=True))

    return reach


def windows(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> Reach:
    """Sliding windows over the last dimensions, of all channels: convolution."""
    slide = pooling_windows(kernel, stride, padding, dilation)
    count = len(kernel)
    return lambda extent: slide((*_own_image(extent[:-count]), *extent[-count:]))


def pooling_windows(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> Reach:
    """Sliding windows over the last dimensions, of the channel's own map: pooling."""
    count = len(kernel)

    def reach(extent: Extent) -> Extent:
        axes = zip(extent[-count:], kernel, stride, padding, dilation, strict=True)
        spans = [
            None if span is None else (span[0] * s - p, span[1] * s - p + d * (k - 1))
            for span, k, s, p, d in axes
        ]
        return (*extent[:-count], *spans)

    return reach


def scattered_windows(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> Reach:
    """Windows that write instead of read: transposed convolution."""
    count = len(kernel)

    def reach(extent: Extent) -> Extent:
        axes = zip(extent[-count:], kernel, stride, padding, dilation, strict=True)
        spans = [
            None if e is None else (ceil((e[0] + p - d * (k - 1)) / s), floor((e[1] + p) / s))
            for e, k, s, p, d in axes
        ]
        return (*_own_image(extent[:-count]), *spans)

    return reach


def permuted(order: Sequence[int]) -> Reach:
    """Output dimension ``i`` is input dimension ``order[i]``."""

    def reach(extent: Extent) -> Extent:
        spans: list[Span] = [None] * len(order)
        for place, dim in enumerate(order):
            spans[dim] = extent[place]
        return tuple(spans)

    return reach


def affine(dim: int, step: int, offset: int) -> Reach:
    """Along ``dim`` output ``i`` is input ``i * step + offset``: slice, pad."""

    def reach(extent: Extent) -> Extent:
        span = extent[dim]
        moved = None if span is None else (span[0] * step + offset, span[1] * step + offset)
        return (*extent[:dim], moved, *extent[dim:][1:])

    return reach


def inserted(dim: int, place: int) -> Reach:
    """The output lost dimension ``dim``, taken at ``place``: select, unbind."""
    return lambda extent: (*extent[:dim], (place, place), *extent[dim:])


def removed(dim: int) -> Reach:
    """The output has a new dimension ``dim``: stack."""
    return lambda extent: (*extent[:dim], *extent[dim:][1:])


def resized(ranges: Sequence[InputRange], sizes: Sequence[int]) -> Reach:
    """Resampling of the last dimensions, of ``sizes``; a range is what one place sees of one."""

    def one(span: Span, seen: InputRange, size: int) -> Span:
        if span is None:
            return None
        first, last = seen(span[0])[0], seen(span[1])[1]
        return (min(max(first, 0), size - 1), min(max(last, 0), size - 1))

    def reach(extent: Extent) -> Extent:
        axes = zip(extent[-len(sizes) :], ranges, sizes, strict=True)
        return (*extent[: -len(sizes)], *(one(*axis) for axis in axes))

    return reach


def adaptive(shape: Sequence[int], output_shape: Sequence[int], count: int) -> Reach:
    """Adaptive pooling of the last ``count`` dimensions."""

    def one(span: Span, size: int, output_size: int) -> Span:
        if span is None or output_size == 1:
            return None
        return (span[0] * size // output_size, ceil((span[1] + 1) * size / output_size) - 1)

    def reach(extent: Extent) -> Extent:
        pooled = zip(extent[-count:], shape[-count:], output_shape[-count:], strict=True)
        return (*extent[:-count], *(one(*axis) for axis in pooled))

    return reach


def reduced(dims: Sequence[int], dimensions: int, *, keepdim: bool) -> Reach:
    """A sum, mean or maximum over ``dims``: those are seen whole."""
    gone = {dim % dimensions for dim in dims} if dims else set(range(dimensions))

    def reach(extent: Extent) -> Extent:
        spans = iter(extent)
        result: list[Span] = []
        for dim in range(dimensions):
            span = next(spans) if keepdim or dim not in gone else None
            result.append(None if dim in gone else span)
        return tuple(result)

    return reach


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
    keys = enumerate(_products(shape))
    return [(dim, places[key]) for dim, key in keys if key in places and key[1] > 1]


def _products(shape: list[int]) -> list[tuple[int, int]]:
    """For each dimension the product of the sizes before it, and its size."""
    result, before = [], 1
    for size in shape:
        result.append((before, size))
        before *= size
    return result


def _own_image(leading: Extent) -> Extent:
    """The leading dimensions of a windowed operation: batch kept, channels seen whole."""
    return (*leading[:1], *(None,) * (len(leading) - 1))
