"""Which inputs each linear operation's outputs can see, read off its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from torch import Tensor

from captum_deconvnet.engine.rules.call import Call, per_axis
from captum_deconvnet.engine.rules.replay import Geometry
from captum_deconvnet.engine.tape.reach import (
    Extent,
    InputRange,
    Reach,
    Span,
    adaptive,
    pointwise,
    pooling_windows,
    reduced,
    resized,
    whole_along,
)


def same_place(call: Call, tensor: Tensor) -> Reach:
    """Each output sees its own place."""
    return pointwise(tensor.shape)


def pooled(call: Call, tensor: Tensor) -> Reach:
    """Average pooling."""
    kernel = list(call.argument("kernel_size"))
    stride = list(call.argument("stride") or kernel)
    padding = list(call.argument("padding"))
    count = int(str(call.function).split("pool")[1][0])
    return pooling_windows(
        per_axis(kernel, count), per_axis(stride, count), per_axis(padding, count), (1,) * count
    )


def adaptively_pooled(call: Call, tensor: Tensor) -> Reach:
    """Adaptive average pooling."""
    count = 3 if "3d" in str(call.function) else 2
    return adaptive(tensor.shape, call.first_output.shape, count)


def summed(call: Call, tensor: Tensor) -> Reach:
    """A sum or mean over some dimensions."""
    dims = call.argument("dim") or ()
    return reduced(dims, tensor.dim(), keepdim=bool(call.argument("keepdim")))


def resampled(width: int) -> Geometry:
    """Interpolation between ``width`` neighbours on each side; 0 takes the nearest place."""

    def geometry(call: Call, tensor: Tensor) -> Reach:
        sizes = tensor.shape[2:]
        scales = [call.argument(name) for name in _SCALES[len(sizes)]]
        axes = zip(sizes, call.first_output.shape[2:], scales, strict=True)
        is_aligned, name = bool(call.argument("align_corners")), str(call.function)
        ratios = [_ratio(*axis, is_aligned=is_aligned) for axis in axes]
        return resized([_input_range(name, ratio, width, is_aligned) for ratio in ratios], sizes)

    return geometry


_SCALES = {1: ("scales",), 2: ("scales_h", "scales_w"), 3: ("scales_d", "scales_h", "scales_w")}


def _ratio(size: int, output_size: int, scale: float | None, *, is_aligned: bool) -> float:
    """How far apart neighbours of the output lie in the input."""
    if is_aligned:
        return (size - 1) / max(output_size - 1, 1)
    return 1 / scale if scale else size / output_size


def _input_range(name: str, ratio: float, width: int, is_aligned: bool) -> InputRange:
    """The first and last place that each place of the output is made from, as torch has it."""

    def nearest(place: int) -> tuple[int, int]:
        found = floor((place + 0.5 if "exact" in name else place) * ratio)
        return found, found

    def smoothed(place: int) -> tuple[int, int]:
        centre, radius = (place + 0.5) * ratio, width * max(ratio, 1.0)
        return floor(centre - radius + 0.5), floor(centre + radius + 0.5) - 1

    def between(place: int) -> tuple[int, int]:
        below = floor(place * ratio if is_aligned else (place + 0.5) * ratio - 0.5)
        return below - width + 1, below + width

    return nearest if width == 0 else smoothed if "_aa" in name else between


def padded(call: Call, tensor: Tensor) -> Reach:
    """Padding with zeros, a number or the border; a negative amount crops."""
    before = _before(call.argument("pad") or call.argument("padding") or (), tensor.dim())
    is_border = "replication" in str(call.function)
    sizes = tuple(tensor.shape)

    def one(span: Span, left: int, size: int) -> Span:
        if span is None:
            return None
        first, last = span[0] - left, span[1] - left
        return (min(first, size - 1), max(last, 0)) if is_border else (first, last)

    return lambda extent: tuple(one(*axis) for axis in zip(extent, before, sizes, strict=True))


def reflected(call: Call, tensor: Tensor) -> Reach:
    """Padding by reflection: the border sees into the image."""
    before = _before(call.argument("padding"), tensor.dim())

    def reach(extent: Extent) -> Extent:
        return tuple(
            _mirrored(span, left, size)
            for span, left, size in zip(extent, before, tensor_shape, strict=True)
        )

    tensor_shape = tuple(tensor.shape)
    return reach


def along(*names: str) -> Geometry:
    """Places in another order, or summed up, along the dimensions that an argument names."""

    def geometry(call: Call, tensor: Tensor) -> Reach:
        given = next((call.argument(name) for name in names if call.argument(name) is not None), ())
        dims = [given] if isinstance(given, int) else given
        return whole_along([dim % tensor.dim() for dim in dims or range(tensor.dim())])

    return geometry


def last_two(call: Call, tensor: Tensor) -> Reach:
    """Every output sees the last two dimensions of its own place in the others."""
    return whole_along((tensor.dim() - 2, tensor.dim() - 1))


def own_image(call: Call, tensor: Tensor) -> Reach:
    """Every output sees the whole of its own image."""
    return lambda extent: (*extent[:1], *(None,) * (tensor.dim() - 1))


def channels_mixed(call: Call, tensor: Tensor) -> Reach:
    """Each output sees its own place in every channel."""
    return lambda extent: (extent[0], None, *extent[2:])


def shuffled(upwards: bool) -> Geometry:
    """Pixel shuffle (``upwards``) and unshuffle."""

    def geometry(call: Call, tensor: Tensor) -> Reach:
        factor = call.argument("upscale_factor" if upwards else "downscale_factor")

        def reach(extent: Extent) -> Extent:
            spans = [_shuffled(span, factor, upwards) for span in extent[-2:]]
            return (*extent[:-3], None, *spans)

        return reach

    return geometry


def _shuffled(span: Span, factor: int, upwards: bool) -> Span:
    if span is None:
        return None
    if upwards:
        return (span[0] // factor, span[1] // factor)
    return (span[0] * factor, span[1] * factor + factor - 1)


def _mirrored(span: Span, left: int, size: int) -> Span:
    if span is None:
        return None
    first, last = span[0] - left, span[1] - left
    return (min(first, 2 * (size - 1) - last), max(last, -first))


def _before(pad: Sequence[int], dimensions: int) -> list[int]:
    """How much is added before each dimension; torch lists pairs from the last one."""
    before = [0] * dimensions
    for pair, left in enumerate(pad[::2]):
        before[dimensions - 1 - pair] = left
    return before
