"""Rules of sliding windows, filters' and pools': which outputs see a changed region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_deconvnet.engine.rules.call import per_axis
from captum_deconvnet.occlusion.incremental.program import Filters, ProgramStep, ValueReference
from captum_deconvnet.occlusion.incremental.region import (
    MOST,
    Region,
    RegionValues,
    Span,
    fitted,
    share,
)
from captum_deconvnet.occlusion.incremental.window_batch import WindowBatch


class SlidingWindow(NamedTuple):
    """A window that slides along one dimension, from ``length`` places to ``places``."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    length: int
    places: int


class AffectedSpans(NamedTuple):
    """The outputs that can differ, and the inputs they see, which may stick out of the map."""

    outputs: Span
    inputs: Span


@lru_cache(maxsize=65536)
def affected_spans(span: Span, window: SlidingWindow) -> AffectedSpans | None:
    """The outputs that see a span of the inputs; ``None`` if all outputs do."""
    reach = window.dilation * (window.kernel - 1)
    stride, padding = window.stride, window.padding
    starts = [-((reach - padding - start) // stride) for start in span.starts]
    stops = [(stop - 1 + padding) // stride + 1 for stop in span.stops]
    outputs = fitted(starts, stops, window.places)
    if outputs is None:
        return None
    seen = tuple(start * stride - padding for start in outputs.starts)
    return AffectedSpans(outputs, Span(seen, (outputs.size - 1) * stride + reach + 1))


def convolved(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """A convolution; transposed ones, and those whose filters are activations, run whole."""
    read, weight, bias, stride, padding, dilation, transposed, _, groups = step.args
    constant = isinstance(weight, Filters) and not isinstance(bias, ValueReference)
    if transposed or not isinstance(read, ValueReference) or not constant:
        return None
    kernel = weight.shape[2:]
    stride, padding, dilation = (per_axis(one, len(kernel)) for one in (stride, padding, dilation))
    found = _affected(batch, step, read.index, (kernel, stride, padding, dilation))
    if found is None:
        return None
    crop, region, padding = found
    convolution = _CONVOLUTIONS[len(kernel)]
    made = convolution(crop, weight.made(), bias, stride, padding, dilation, groups)
    return [RegionValues(made, region)]


_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def max_pooled(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Max pooling; padding and overhanging windows see minus infinity."""
    if any(index is not None for index in step.outputs[1:]):
        return None
    axes = 3 if "3d" in step.name else 2
    names = ("kernel_size", "padding", "dilation")
    kernel, padding, dilation = (step.argument(name) for name in names)
    stride, ceil = step.argument("stride") or kernel, step.argument("ceil_mode")
    window = [per_axis(one, axes) for one in (kernel, stride, padding, dilation)]
    found = _affected(batch, step, step.reads[0], window, -torch.inf, overhangs=ceil)
    if found is None:
        return None
    crop, region, padding = found
    pool = F.max_pool3d if axes == 3 else F.max_pool2d
    return [RegionValues(pool(crop, window[0], window[1], padding, window[3], ceil), region)]


def average_pooled(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Average pooling where the padding counts, or where there is none."""
    kernel, padding = (per_axis(step.argument(name), 2) for name in ("kernel_size", "padding"))
    stride = per_axis(step.argument("stride") or kernel, 2)
    if step.argument("ceil_mode") or (any(padding) and not step.argument("count_include_pad")):
        return None
    found = _affected(batch, step, step.reads[0], [kernel, stride, padding, (1, 1)])
    if found is None:
        return None
    crop, region, padding = found
    divisor = step.argument("divisor_override")
    return [RegionValues(F.avg_pool2d(crop, kernel, stride, padding, False, True, divisor), region)]


def _affected(
    batch: WindowBatch,
    step: ProgramStep,
    read: int,
    window: Sequence[Sequence[int]],
    fill: float = 0.0,
    *,
    overhangs: bool = False,
) -> tuple[Tensor, Region, tuple[int, ...]] | None:
    """The inputs a sliding window sees, the region of its outputs, and the padding still to do."""
    (output,), shapes = step.outputs[:1], batch.program.shapes
    assert output is not None
    first, spans = len(shapes[read]) - len(window[0]), dict(batch.changed[read].region)
    if any(dim < first for dim in spans):
        return None
    seen: list[tuple[int, Span]] = []
    region: list[tuple[int, Span]] = []
    paddings = list(window[2])
    for axis, (size, stride, padding, dilation) in enumerate(zip(*window, strict=True)):
        dim = first + axis
        lengths = shapes[read][dim], shapes[output][dim]
        along = SlidingWindow(size, stride, padding, dilation, *lengths)
        affected = affected_spans(spans[dim], along) if dim in spans else None
        if affected is not None:
            region.append((dim, affected.outputs))
            seen.append((dim, affected.inputs))
            paddings[axis] = 0
        elif overhangs:
            return None
    if share(tuple(region), shapes[output]) > MOST:
        return None
    return batch.within(read, tuple(seen), fill), tuple(region), tuple(paddings)
