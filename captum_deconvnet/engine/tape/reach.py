"""Which inputs an output can see: pure geometry, one small function a kind of operation.

A *span* is the ``(first, last)`` index along one dimension, both inclusive and not clipped to
the tensor, so that padding shows as a negative index; ``None`` means the whole dimension. An
*extent* is one span a dimension. A *reach* maps the extent of an operation's output to the
extent of one of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor

Span = tuple[int, int] | None
Extent = tuple[Span, ...]
Reach = Callable[[Extent], Extent]
Sight = Callable[[int], tuple[int, int]]


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


def first_kept(dimensions: int) -> Reach:
    """The first dimension at its own place, everything of the others."""
    return lambda extent: (*extent[:1], *(None,) * (dimensions - 1))


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
    return lambda extent: slide((*channels_whole(extent[:-count]), *extent[-count:]))


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
        spans = [
            None
            if span is None
            else (ceil((span[0] + p - d * (k - 1)) / s), floor((span[1] + p) / s))
            for span, k, s, p, d in zip(
                extent[-count:], kernel, stride, padding, dilation, strict=True
            )
        ]
        return (*channels_whole(extent[:-count]), *spans)

    return reach


def channels_whole(leading: Extent) -> Extent:
    """The leading dimensions of a windowed operation: batch kept, channels seen whole."""
    return tuple(span if dim == 0 else None for dim, span in enumerate(leading))


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


def resized(sights: Sequence[Sight], sizes: Sequence[int]) -> Reach:
    """Resampling of the last dimensions, of ``sizes``; a sight is what one place sees of one."""

    def one(span: Span, sight: Sight, size: int) -> Span:
        if span is None:
            return None
        first, last = sight(span[0])[0], sight(span[1])[1]
        return (min(max(first, 0), size - 1), min(max(last, 0), size - 1))

    def reach(extent: Extent) -> Extent:
        axes = zip(extent[-len(sizes) :], sights, sizes, strict=True)
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
