"""How operations that only move numbers pass a changed region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.nn import functional as F

from captum_deconvnet.engine.rules.views import unchanged
from captum_deconvnet.occlusion.incremental.block import Block
from captum_deconvnet.occlusion.incremental.program import Ref, Step, only_tensor
from captum_deconvnet.occlusion.incremental.region import MOST, Changed, Span, share, union


def permuted(block: Block, step: Step) -> Sequence[Changed] | None:
    """Dimensions in another order, the batch still first."""
    changed, shape = block.values[step.reads[0]], block.program.shapes[step.reads[0]]
    order = list(range(len(shape)))
    if step.name == "permute":
        order = [dim % len(shape) for dim in step.args[1]]
    else:
        one, two = (dim % len(shape) for dim in step.args[1:])
        order[one], order[two] = two, one
    if order[0] != 0:
        return None
    region = sorted((order.index(dim), span) for dim, span in changed.region)
    return [Changed(changed.tensor.permute(order), tuple(region))]


def reshaped(block: Block, step: Step) -> Sequence[Changed] | None:
    """A view in which the batch and all dimensions that are cut stay as they are."""
    read, output = step.reads[0], step.outputs[0]
    assert output is not None
    shape, after = block.program.shapes[read], list(block.program.shapes[output])
    changed, places = block.values[read], dict(unchanged(list(shape), after))
    if after[0] != shape[0] or not all(dim in places for dim, _ in changed.region):
        return None
    region = tuple((places[dim], span) for dim, span in changed.region)
    after[0] *= block.count
    for dim, span in region:
        after[dim] = span.size
    return [Changed(changed.tensor.reshape(after), region)]


def in_pieces(block: Block, step: Step) -> Sequence[Changed] | None:
    """Slices and splits along a dimension that is whole."""
    changed = block.values[step.reads[0]]
    dim = step.argument("dim") % len(block.program.shapes[step.reads[0]])
    if dim == 0 or any(dim == cut for cut, _ in changed.region):
        return None
    output = step.function(*only_tensor(step.args, changed.tensor), **step.kwargs)
    return [Changed(one, changed.region) for one in ([output] if step.single else output)]


def concatenated(block: Block, step: Step) -> Sequence[Changed] | None:
    """Concatenation along a dimension that is whole: clean, with what changed pasted in."""
    (output,), parts = step.outputs, step.args[0]
    assert output is not None
    shape = block.program.shapes[output]
    dim = step.argument("dim") % len(shape)
    changed = [block.values[read] for read in step.reads if read in block.values]
    region = union([one.region for one in changed], shape)
    if (
        dim == 0
        or share(region, shape) > MOST
        or any(dim == cut for one in changed for cut, _ in one.region)
    ):
        return None
    return [Changed(block.joined(output, dim, _places(block, parts, dim), region), region)]


def _places(block: Block, parts: Sequence[Any], dim: int) -> list[tuple[int, int, int]]:
    """Of each part of a concatenation that is a value: its number, where it starts, its length."""
    found, start = [], 0
    for part in parts:
        shape = block.program.shapes[part.index] if isinstance(part, Ref) else part.shape
        length = shape[dim] if shape.numel() else 0  # torch lets an empty vector be joined
        if isinstance(part, Ref):
            found.append((part.index, start, length))
        start += length
    return found


def padded(block: Block, step: Step) -> Sequence[Changed] | None:
    """Padding with a constant moves the box; dimensions that are whole are padded."""
    changed, shape = block.values[step.reads[0]], block.program.shapes[step.reads[0]]
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
    return [Changed(F.pad(changed.tensor, pad, value=step.argument("value") or 0.0), tuple(region))]
