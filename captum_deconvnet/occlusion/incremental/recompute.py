"""The table: how each operation passes a changed region.

A way takes the block of windows and the step, and gives what changed for each output of the step,
or ``None`` where everything can differ: the step then runs on whole maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from captum_deconvnet.occlusion.incremental.block import Block
from captum_deconvnet.occlusion.incremental.program import (
    Ref,
    Repeated,
    Step,
    only_tensor,
    resolved,
)
from captum_deconvnet.occlusion.incremental.rearrange import (
    concatenated,
    in_pieces,
    padded,
    permuted,
    reshaped,
)
from captum_deconvnet.occlusion.incremental.region import MOST, Changed, share, union
from captum_deconvnet.occlusion.incremental.sliding import average_pooled, convolved, max_pooled

Way = Callable[[Block, Step], Sequence[Changed] | None]


def one_by_one(block: Block, step: Step) -> Sequence[Changed] | None:
    """Each output is made from one place of one input."""
    changed = block.values[step.reads[0]]
    output = step.function(*only_tensor(step.args, changed.tensor), **step.kwargs)
    return [Changed(output if step.single else output[0], changed.region)]


def normalised(block: Block, step: Step) -> Sequence[Changed] | None:
    """A batch norm with statistics of its own."""
    return None if step.args[5] else one_by_one(block, step)


def place_by_place(block: Block, step: Step) -> Sequence[Changed] | None:
    """Each output is made from its own place in all inputs, which are broadcast."""
    index = step.outputs[0]
    assert index is not None
    shape = block.program.shapes[index]
    if any(block.program.shapes[read] != shape for read in step.reads):
        return None
    region = union(
        [block.values[read].region for read in step.reads if read in block.values], shape
    )
    dims = [dim - len(shape) for dim, _ in region]
    if share(region, shape) > MOST or not all(_is_flat(item, dims) for item in step.args):
        return None
    args = resolved(step.args, block.count, lambda read: block.read(read, region))
    return [Changed(step.function(*args, **step.kwargs), region)]


def _is_flat(item: Any, dims: Sequence[int]) -> bool:
    """Whether a constant is the same at all places along ``dims``."""
    if isinstance(item, Repeated):
        return False
    if not isinstance(item, Tensor):
        return True
    return all(-dim > item.dim() or item.shape[dim] == 1 for dim in dims)


def along_last(block: Block, step: Step) -> Sequence[Changed] | None:
    """A linear layer: all of the last dimension, each other place by itself."""
    read = step.args[0]
    if not isinstance(read, Ref) or len(step.reads) > 1:
        return None
    changed, last = block.values[read.index], len(block.program.shapes[read.index]) - 1
    if any(dim == last for dim, _ in changed.region):
        return None
    return one_by_one(block, step)


def layer_normalised(block: Block, step: Step) -> Sequence[Changed] | None:
    """A layer norm over dimensions that are whole."""
    read = step.reads[0]
    first = len(block.program.shapes[read]) - len(step.args[1])
    return (
        None
        if any(dim >= first for dim, _ in block.values[read].region)
        else one_by_one(block, step)
    )


def _rows(way: Way, names: str) -> dict[str, Way]:
    return dict.fromkeys(names.split(), way)


ONE_BY_ONE = _rows(
    one_by_one,
    "relu gelu silu mish hardswish elu softplus celu selu hardtanh sigmoid hardsigmoid leaky_relu "
    "tanh erf exp neg abs sqrt rsqrt reciprocal log clone detach alias threshold "
    "log_sigmoid_forward clamp clamp_min clamp_max pow",
)
"""Operations on one activation; what is clean of it is not needed for them."""

TABLE: dict[str, Way] = {
    **ONE_BY_ONE,
    **_rows(normalised, "native_batch_norm _native_batch_norm_legit_no_training"),
    **_rows(
        place_by_place, "add sub mul div rsub maximum minimum where _prelu_kernel addcmul lerp"
    ),
    **_rows(convolved, "convolution"),
    **_rows(max_pooled, "max_pool2d_with_indices max_pool3d_with_indices"),
    **_rows(average_pooled, "avg_pool2d"),
    **_rows(along_last, "linear"),
    **_rows(layer_normalised, "native_layer_norm"),
    **_rows(permuted, "permute transpose"),
    **_rows(reshaped, "view _unsafe_view reshape unsqueeze squeeze flatten"),
    **_rows(in_pieces, "slice split split_with_sizes chunk"),
    **_rows(concatenated, "cat"),
    **_rows(padded, "constant_pad_nd"),
}
