"""How a box passes a sliding window, filters' or pools': pure geometry, along one dimension.

How sliding windows, filters' and pools', pass a changed region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_deconvnet.engine.rules.call import per_axis
from captum_deconvnet.occlusion.incremental.block import Block
from captum_deconvnet.occlusion.incremental.program import Filters, Ref, Step
from captum_deconvnet.occlusion.incremental.region import MOST, Changed, Region, Span, fitted, share


class Sliding(NamedTuple):
    """A window that slides along one dimension, from ``length`` places to ``places``."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    length: int
    places: int


class Passed(NamedTuple):
    """The outputs that can differ, and the inputs they see, which may stick out of the map."""

    output: Span
    needed: Span


@lru_cache(maxsize=65536)
def slide(span: Span, sliding: Sliding) -> Passed | None:
    """What a box becomes; ``None`` if all outputs can differ."""
    reach = sliding.dilation * (sliding.kernel - 1)
    stride, padding = sliding.stride, sliding.padding
    starts = [-((reach - padding - start) // stride) for start in span.starts]
    stops = [(stop - 1 + padding) // stride + 1 for stop in span.stops]
    output = fitted(starts, stops, sliding.places)
    if output is None:
        return None
    needed = tuple(start * stride - padding for start in output.starts)
    return Passed(output, Span(needed, (output.size - 1) * stride + reach + 1))


pass


def convolved(block: Block, step: Step) -> Sequence[Changed] | None:
    """A convolution; transposed ones, and those whose filters are activations, run whole."""
    read, weight, bias, stride, padding, dilation, transposed, _, groups = step.args
    constant = isinstance(weight, Filters) and not isinstance(bias, Ref)
    if transposed or not isinstance(read, Ref) or not constant:
        return None
    kernel = weight.shape[2:]
    stride, padding, dilation = (per_axis(one, len(kernel)) for one in (stride, padding, dilation))
    found = _slid(block, step, read.index, (kernel, stride, padding, dilation))
    if found is None:
        return None
    crop, region, padding = found
    return [
        Changed(
            _CONVOLUTIONS[len(kernel)](
                crop, weight.made(), bias, stride, padding, dilation, groups
            ),
            region,
        )
    ]


_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def max_pooled(block: Block, step: Step) -> Sequence[Changed] | None:
    """Max pooling; padding and overhanging windows see minus infinity."""
    if any(index is not None for index in step.outputs[1:]):
        return None
    axes = 3 if "3d" in step.name else 2
    kernel, padding, dilation = (
        step.argument(name) for name in ("kernel_size", "padding", "dilation")
    )
    stride = step.argument("stride") or kernel
    window = [per_axis(one, axes) for one in (kernel, stride, padding, dilation)]
    found = _slid(
        block, step, step.reads[0], window, -torch.inf, overhangs=step.argument("ceil_mode")
    )
    if found is None:
        return None
    crop, region, padding = found
    pool = F.max_pool3d if axes == 3 else F.max_pool2d
    return [
        Changed(
            pool(crop, window[0], window[1], padding, window[3], step.argument("ceil_mode")),
            region,
        )
    ]


def average_pooled(block: Block, step: Step) -> Sequence[Changed] | None:
    """Average pooling where the padding counts, or where there is none."""
    kernel, padding = (per_axis(step.argument(name), 2) for name in ("kernel_size", "padding"))
    stride = per_axis(step.argument("stride") or kernel, 2)
    if step.argument("ceil_mode") or (any(padding) and not step.argument("count_include_pad")):
        return None
    found = _slid(block, step, step.reads[0], [kernel, stride, padding, (1, 1)])
    if found is None:
        return None
    crop, region, padding = found
    divisor = step.argument("divisor_override")
    return [Changed(F.avg_pool2d(crop, kernel, stride, padding, False, True, divisor), region)]


def _slid(
    block: Block,
    step: Step,
    read: int,
    window: Sequence[Sequence[int]],
    fill: float = 0.0,
    *,
    overhangs: bool = False,
) -> tuple[Tensor, Region, tuple[int, ...]] | None:
    """The inputs a sliding window sees, the region of its outputs, and the padding still to do."""
    (output,), shapes = step.outputs[:1], block.program.shapes
    assert output is not None
    first, spans = len(shapes[read]) - len(window[0]), dict(block.values[read].region)
    if any(dim < first for dim in spans):
        return None
    needed: list[tuple[int, Span]] = []
    region: list[tuple[int, Span]] = []
    paddings = list(window[2])
    for axis, (size, stride, padding, dilation) in enumerate(zip(*window, strict=True)):
        dim = first + axis
        sliding = Sliding(size, stride, padding, dilation, shapes[read][dim], shapes[output][dim])
        passed = slide(spans[dim], sliding) if dim in spans else None
        if passed is not None:
            region.append((dim, passed.output))
            needed.append((dim, passed.needed))
            paddings[axis] = 0
        elif overhangs:
            return None
    if share(tuple(region), shapes[output]) > MOST:
        return None
    return block.read(read, tuple(needed), fill), tuple(region), tuple(paddings)
