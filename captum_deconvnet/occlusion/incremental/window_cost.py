"""What recomputing windows in part costs: memory, and so how many go together; arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.interpreter import run_clean, run_windows
from captum_deconvnet.occlusion.incremental.program import (
    Filters,
    Program,
    ProgramStep,
    RepeatedConstant,
)
from captum_deconvnet.occlusion.incremental.window_batch import WindowBatch
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.window_grid import Window

LIKE_WHOLE = 16
"""Recomputing in part may take as much memory as so many windows run through the whole model."""
FEWEST, MOST = 4, 64
"""Windows that go together however much is kept, and however little they take."""
WORK_WHOLE, WORK_PART = 2, 4
"""How much more is taken than by the values that are alive: work space, copies, gaps."""


@dataclass(frozen=True)
class MemoryUse:
    """What windows take, in bytes.

    Args:
        kept: the clean values, and constants that are not the model's own.
        whole: one window run through the whole model.
        window: one window recomputed in part.
    """

    kept: int
    whole: int
    window: int

    def windows(self, budget: int) -> int:
        """How many windows may go together.

        Within ``budget`` bytes at any rate, and in no more than ``LIKE_WHOLE`` windows take that
        run through the whole model; but ``FEWEST`` if already what is kept is more than that.
        """
        spare = (LIKE_WHOLE * self.whole - self.kept) // self.window
        return max(1, min(max(FEWEST, spare), MOST, budget // self.window))


def memory_use(
    program: Program, clean: Mapping[int, Tensor], own: Iterable[Tensor], window: int
) -> MemoryUse:
    """What a program takes.

    Args:
        program: the forward pass.
        clean: the values that are kept.
        own: the model's tensors, which are there anyway.
        window: the most that the values of one window took at once.
    """
    like = clean[program.inputs[0]]
    whole = WORK_WHOLE * most_at_once(program) * like.element_size()
    there = {tensor.data_ptr() for tensor in own}
    kept = {tensor.data_ptr(): tensor.nbytes for tensor in [*clean.values(), *program.constants()]}
    return MemoryUse(
        sum(size for place, size in kept.items() if place not in there),
        whole,
        max(1, WORK_PART * window),
    )


def most_at_once(program: Program) -> int:
    """The most numbers that are alive at once in a forward pass."""
    most, live = 0, {index: program.shapes[index].numel() for index in program.inputs}
    for step in program.steps:
        made: Sequence[int] = [index for index in step.outputs if index is not None]
        live.update({index: program.shapes[index].numel() for index in made})
        most = max(most, sum(live.values()))
        for index in step.frees:
            live.pop(index, None)
    return most


@torch.no_grad()
def share_of_arithmetic(program: Program, inputs: Sequence[Tensor], window: Window) -> float:
    """The multiplications of a window recomputed in part, as a share of those of a whole pass.

    They are counted on shapes alone. 1 if they cannot be counted.
    """
    from torch.utils.flop_counter import FlopCounterMode  # takes a third of torch's own import

    shapes = [torch.empty_like(tensor, device="meta") for tensor in inputs]
    try:
        counted = replace(program, steps=[_on_shapes(step) for step in program.steps])
        with FlopCounterMode(display=False) as whole:
            clean = run_clean(counted, shapes)
        occluder = Occluder(shapes, [0.0] * len(shapes))
        covered = {program.inputs[window.input]: occluder.covered_boxes([window])}
        with FlopCounterMode(display=False) as in_part:
            run_windows(WindowBatch(counted, clean, 1, covered))
    except Exception:  # an operation that does not say which shape it gives
        return 1.0
    share: float = in_part.get_total_flops() / max(1, whole.get_total_flops())
    return share


def _on_shapes(step: ProgramStep) -> ProgramStep:
    return replace(step, args=_shapes(step.args), kwargs=_shapes(step.kwargs))


def _shapes(item: Any) -> Any:
    if isinstance(item, Tensor):
        return item.to("meta")
    if isinstance(item, Filters):
        return Filters(item.weight.to("meta"), None if item.gain is None else item.gain.to("meta"))
    if isinstance(item, RepeatedConstant):
        return RepeatedConstant(item.tensor.to("meta"), item.dim)
    if isinstance(item, dict):
        return {name: _shapes(each) for name, each in item.items()}
    if isinstance(item, (list, tuple)):
        return type(item)(_shapes(each) for each in item)
    return item
