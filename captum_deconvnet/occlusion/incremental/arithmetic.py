"""How much of a forward pass's arithmetic a window takes, from shapes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from captum_deconvnet.occlusion.incremental.block import Block
from captum_deconvnet.occlusion.incremental.interpreter import clean_pass, run_block
from captum_deconvnet.occlusion.incremental.occluder import Occluder
from captum_deconvnet.occlusion.incremental.program import Filters, Program, Repeated
from captum_deconvnet.occlusion.incremental.windows import Window


@torch.no_grad()
def share_of_window(program: Program, inputs: Sequence[Tensor], window: Window) -> float:
    """The multiplications of a window recomputed in part, as a part of those of a whole pass.

    1 if they cannot be counted.
    """
    shapes = [torch.empty_like(tensor, device="meta") for tensor in inputs]
    try:
        counted = replace(program, steps=[_without_numbers(step) for step in program.steps])
        with FlopCounterMode(display=False) as whole:
            clean = clean_pass(counted, shapes)
        first = {
            program.inputs[window.input]: Occluder(shapes, [0.0] * len(shapes)).boxes([window])
        }
        with FlopCounterMode(display=False) as part:
            run_block(Block(counted, clean, 1, first))
    except Exception:  # an operation that does not say which shape it gives
        return 1.0
    share: float = part.get_total_flops() / max(1, whole.get_total_flops())
    return share


def _without_numbers(step: Any) -> Any:
    return replace(step, args=_shapes(step.args), kwargs=_shapes(step.kwargs))


def _shapes(item: Any) -> Any:
    if isinstance(item, Tensor):
        return item.to("meta")
    if isinstance(item, Filters):
        return Filters(item.weight.to("meta"), None if item.gain is None else item.gain.to("meta"))
    if isinstance(item, Repeated):
        return Repeated(item.tensor.to("meta"), item.dim)
    if isinstance(item, dict):
        return {name: _shapes(each) for name, each in item.items()}
    if isinstance(item, (list, tuple)):
        return type(item)(_shapes(each) for each in item)
    return item
