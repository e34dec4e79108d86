"""Adjoints that take one signal at a time, whatever runs around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Back = Callable[[Tensor], tuple[Tensor, ...]]


def in_turn(
    back: Callable[[Tensor], Sequence[Tensor | None]], signal: Tensor
) -> list[Tensor | None]:
    """``back`` of a signal; of several signals at once (``torch.vmap``) it sees one after another.

    For what only plain autograd can derive: operations from outside torch, and functions with a
    backward of their own, which may look at the numbers they are given.
    """
    present: list[bool] = []

    def parts(one: Tensor) -> tuple[Tensor, ...]:
        given = back(one)
        present[:] = [part is not None for part in given]
        return tuple(part for part in given if part is not None)

    found = iter(OneByOne.apply(parts, signal))
    return [next(found) if is_there else None for is_there in present]


class OneByOne(torch.autograd.Function):
    """What ``back`` gives, which is never derived itself."""

    @staticmethod
    def forward(back: Back, signal: Tensor) -> tuple[Tensor, ...]:
        """Of one signal."""
        return back(signal)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], back: Back, signals: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Of several signals, along the dimension that ``torch.vmap`` hides."""
        each = [OneByOne.apply(back, signal) for signal in signals.movedim(in_dims[-1] or 0, 0)]
        stacked = tuple(torch.stack(parts) for parts in zip(*each, strict=True))
        return stacked, (0,) * len(stacked)
