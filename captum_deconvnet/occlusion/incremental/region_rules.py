"""The table of rules: how each operation passes a changed region on.

A rule takes the batch of windows and the step, and gives what changed of each output of the step,
or ``None`` where everything can differ: the step then runs on whole maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from captum_deconvnet.engine.tape.reach import unchanged
from captum_deconvnet.occlusion.incremental.program import (
    ProgramStep,
    RepeatedConstant,
    ValueReference,
    resolved,
    with_tensor,
)
from captum_deconvnet.occlusion.incremental.region import MOST, RegionValues, Span, share, union
from captum_deconvnet.occlusion.incremental.sliding_windows import (
    average_pooled,
    convolved,
    max_pooled,
)
from captum_deconvnet.occlusion.incremental.window_batch import WindowBatch

RegionRule = Callable[[WindowBatch, ProgramStep], Sequence[RegionValues] | None]


def unary(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Each output is made from one place of one input."""
    changed = batch.changed[step.reads[0]]
    output = step.function(*with_tensor(step.args, changed.tensor), **step.kwargs)
    return [RegionValues(output if step.single else output[0], changed.region)]


def batch_normalised(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """A batch norm with statistics of its own."""
    return None if step.args[5] else unary(batch, step)


def elementwise(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Each output is made from its own place in all inputs, which are broadcast."""
    index = step.outputs[0]
    assert index is not None
    shape = batch.program.shapes[index]
    if any(batch.program.shapes[read] != shape for read in step.reads):
        return None
    regions = [batch.changed[read].region for read in step.reads if read in batch.changed]
    region = union(regions, shape)
    dims = [dim - len(shape) for dim, _ in region]
    if share(region, shape) > MOST or not all(_is_constant(item, dims) for item in step.args):
        return None
    args = resolved(step.args, batch.count, lambda read: batch.within(read, region))
    return [RegionValues(step.function(*args, **step.kwargs), region)]


def _is_constant(item: Any, dims: Sequence[int]) -> bool:
    """Whether an argument is the same at all places along ``dims``; values of the program are."""
    if isinstance(item, RepeatedConstant):
        return False
    if not isinstance(item, Tensor):
        return True
    return all(-dim > item.dim() or item.shape[dim] == 1 for dim in dims)


def linear(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """A linear layer: all of the last dimension, each other place by itself."""
    read = step.args[0]
    if not isinstance(read, ValueReference) or len(step.reads) > 1:
        return None
    last = len(batch.program.shapes[read.index]) - 1
    if any(dim == last for dim, _ in batch.changed[read.index].region):
        return None
    return unary(batch, step)


def layer_normalised(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """A layer norm over dimensions that are whole."""
    read = step.reads[0]
    first = len(batch.program.shapes[read]) - len(step.args[1])
    if any(dim >= first for dim, _ in batch.changed[read].region):
        return None
    return unary(batch, step)


def permuted(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Dimensions in another order, the batch still first."""
    changed, shape = batch.changed[step.reads[0]], batch.program.shapes[step.reads[0]]
    order = list(range(len(shape)))
    if step.name == "permute":
        order = [dim % len(shape) for dim in step.args[1]]
    else:
        one, two = (dim % len(shape) for dim in step.args[1:])
        order[one], order[two] = two, one
    if order[0] != 0:
        return None
    region = sorted((order.index(dim), span) for dim, span in changed.region)
    return [RegionValues(changed.tensor.permute(order), tuple(region))]


def reshaped(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """A view in which the batch and all dimensions that are cut stay as they are."""
    read, output = step.reads[0], step.outputs[0]
    assert output is not None
    shape, after = batch.program.shapes[read], list(batch.program.shapes[output])
    changed, places = batch.changed[read], dict(unchanged(list(shape), after))
    if after[0] != shape[0] or not all(dim in places for dim, _ in changed.region):
        return None
    region = tuple((places[dim], span) for dim, span in changed.region)
    after[0] *= batch.count
    for dim, span in region:
        after[dim] = span.size
    return [RegionValues(changed.tensor.reshape(after), region)]


def sliced(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Slices and splits along a dimension that is whole."""
    changed = batch.changed[step.reads[0]]
    dim = step.argument("dim") % len(batch.program.shapes[step.reads[0]])
    if dim == 0 or any(dim == cut for cut, _ in changed.region):
        return None
    output = step.function(*with_tensor(step.args, changed.tensor), **step.kwargs)
    return [RegionValues(one, changed.region) for one in ([output] if step.single else output)]


def concatenated(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Concatenation along a dimension that is whole: clean, with what changed pasted in."""
    (output,) = step.outputs
    assert output is not None
    shape = batch.program.shapes[output]
    dim = step.argument("dim") % len(shape)
    changed = [batch.changed[read] for read in step.reads if read in batch.changed]
    region = union([one.region for one in changed], shape)
    is_cut = any(dim == cut for one in changed for cut, _ in one.region)
    if dim == 0 or share(region, shape) > MOST or is_cut:
        return None
    places = _places(batch, step.args[0], dim)
    return [RegionValues(batch.concatenated(output, dim, places, region), region)]


def _places(batch: WindowBatch, inputs: Sequence[Any], dim: int) -> list[tuple[int, int, int]]:
    """Of each input of a concatenation that is a value: its number, its start, its length."""
    found, start = [], 0
    for one in inputs:
        is_value = isinstance(one, ValueReference)
        shape = batch.program.shapes[one.index] if is_value else one.shape
        length = shape[dim] if shape.numel() else 0  # torch concatenates an empty vector too
        if is_value:
            found.append((one.index, start, length))
        start += length
    return found


def padded(batch: WindowBatch, step: ProgramStep) -> Sequence[RegionValues] | None:
    """Padding with a constant moves the box; dimensions that are whole are padded."""
    changed, shape = batch.changed[step.reads[0]], batch.program.shapes[step.reads[0]]
    pad = list(step.args[1])
    if min(pad) < 0 or len(pad) // 2 >= len(shape):
        return None
    before = {len(shape) - 1 - pair: 2 * pair for pair in range(len(pad) // 2)}
    region = []
    for dim, span in changed.region:
        if dim in before:
            left = pad[before[dim]]
            pad[before[dim] : before[dim] + 2] = (0, 0)
            span = Span(tuple(start + left for start in span.starts), span.size)
        region.append((dim, span))
    fill = step.argument("value") or 0.0
    return [RegionValues(F.pad(changed.tensor, pad, value=fill), tuple(region))]


def _named(rule: RegionRule, names: str) -> dict[str, RegionRule]:
    return dict.fromkeys(names.split(), rule)


UNARY = _named(
    unary,
    "relu gelu silu mish hardswish elu softplus celu selu hardtanh sigmoid hardsigmoid leaky_relu "
    "tanh erf exp neg abs sqrt rsqrt reciprocal log clone detach alias threshold "
    "log_sigmoid_forward clamp clamp_min clamp_max pow",
)
"""Operations on one activation: they read nothing but what changed of it."""

RULES: dict[str, RegionRule] = {
    **UNARY,
    **_named(batch_normalised, "native_batch_norm _native_batch_norm_legit_no_training"),
    **_named(elementwise, "add sub mul div rsub maximum minimum where _prelu_kernel addcmul lerp"),
    **_named(convolved, "convolution"),
    **_named(max_pooled, "max_pool2d_with_indices max_pool3d_with_indices"),
    **_named(average_pooled, "avg_pool2d"),
    **_named(linear, "linear"),
    **_named(layer_normalised, "native_layer_norm"),
    **_named(permuted, "permute transpose"),
    **_named(reshaped, "view _unsafe_view reshape unsqueeze squeeze flatten"),
    **_named(sliced, "slice split split_with_sizes chunk"),
    **_named(concatenated, "cat"),
    **_named(padded, "constant_pad_nd"),
}
