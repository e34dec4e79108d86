"""What windows take in memory, and so how many of them go together.

How tensors lie in memory: copies for many windows lie as the one that they are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.program import Program

LIKE_WHOLE = 16
"""Recomputing in part may take as much memory as so many windows run through the whole model."""
FEWEST, MOST = 4, 64
"""Windows that go together however much is kept, and however little they take."""
ROOM_WHOLE, ROOM_PART = 2, 4
"""How much more is taken than by the numbers that are alive: rooms to work in, copies, gaps."""


@dataclass(frozen=True)
class Memory:
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


def memory_of(
    program: Program, clean: Mapping[int, Tensor], own: Iterable[Tensor], window: int
) -> Memory:
    """What a program takes.

    Args:
        program: the forward pass.
        clean: the values that are kept.
        own: the model's tensors, which are there anyway.
        window: the most that the values of one window took at once.
    """
    like = clean[program.inputs[0]]
    whole = ROOM_WHOLE * most_at_once(program) * like.element_size()
    there = {tensor.data_ptr() for tensor in own}
    kept = {tensor.data_ptr(): tensor.nbytes for tensor in [*clean.values(), *program.constants()]}
    return Memory(
        sum(size for place, size in kept.items() if place not in there),
        whole,
        max(1, ROOM_PART * window),
    )


def most_at_once(program: Program) -> int:
    """The most numbers that are alive at once in a forward pass."""
    most, live = 0, {index: program.shapes[index].numel() for index in program.inputs}
    for step in program.steps:
        made: Sequence[int] = [index for index in step.outputs if index is not None]
        live.update({index: program.shapes[index].numel() for index in made})
        most = max(most, sum(live.values()))
        for index in step.last:
            live.pop(index, None)
    return most


def room(like: Tensor, rows: int, dtype: torch.dtype | None = None) -> Tensor:
    """Room for ``rows`` pictures, laid out in memory as ``like`` (N, ...) is.

    Pictures that overlap in memory, or have gaps, are laid out as ``clone`` would do it.
    """
    shape, kind = (rows, *like.shape[1:]), dtype or like.dtype
    if like.is_contiguous():
        return torch.empty(shape, dtype=kind, device=like.device)
    strides = torch.empty_like(like, device="meta").stride()
    size = like.shape[1:].numel()
    if len(like) <= 1 or strides[0] == size:
        return torch.empty_strided(shape, (size, *strides[1:]), dtype=kind, device=like.device)
    order = sorted(range(like.dim()), key=lambda dim: -strides[dim])
    return torch.empty_permuted(shape, order, dtype=kind, device=like.device)


def copies(tensor: Tensor, count: int, dtype: torch.dtype | None = None) -> Tensor:
    """``count`` copies of all pictures of ``tensor``, one copy after another: (count * N, ...)."""
    found = room(tensor, count * len(tensor), dtype)
    found.view(count, *tensor.shape).copy_(tensor)
    return found
