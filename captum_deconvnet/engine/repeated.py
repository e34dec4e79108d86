"""A recorded pass beside plain ones, where chance or a decision took part in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet.engine.output import named_signals
from captum_deconvnet.engine.recorder.schema import base_name
from captum_deconvnet.engine.steadiness import check_chance, check_company

VALUE_READERS = {"_local_scalar_dense", "nonzero", "equal", "is_same_size", "masked_select"}
"""Operations by which what a model does comes to depend on its numbers."""


class DecisionWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the operations of a plain pass in this context.

    Attributes:
        seen: every one of them.
    """

    def __init__(self) -> None:
        """Nothing is seen yet."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[OpOverload] = set()
        self._is_hidden = False

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Operations in this context are not the model's."""
        self._is_hidden = True
        try:
            yield
        finally:
            self._is_hidden = False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run one operation."""
        if not self._is_hidden:
            self.seen.add(func)
        return func(*args, **(kwargs or {}))


def decides(functions: Iterable[OpOverload]) -> bool:
    """Whether operations on activations read numbers that a model can decide by."""
    return any(base_name(function) in VALUE_READERS for function in functions)


def check_repeated(
    model: nn.Module,
    inputs: Sequence[Tensor],
    additional: Sequence[Any],
    output: Any,
    *,
    drew: bool,
    decided: bool,
) -> None:
    """Say what a pass owes to chance, and refuse one in which images decided for each other.

    The model runs again only if it drew random numbers, or decided for several images together.

    Raises:
        ModelError: what an image gives depends on the others.
    """
    count = len(inputs[0])
    run = partial(_signals, model, additional, count)
    seen = list(named_signals(output).values())
    if drew:
        check_chance(seen, lambda: run(inputs))
    elif decided and count > 1:
        first = [tensor[:1] for tensor in inputs]
        copies = [tensor.repeat_interleave(count, 0) for tensor in first]
        try:
            alone = run(first)
        except Exception:
            return
        together = [tensor[:1] for tensor in seen if len(tensor.shape) and len(tensor) == count]
        check_company(
            type(model).__name__,
            together,
            [tensor[:1] for tensor in alone],
            lambda: [tensor[:1] for tensor in run(first)],
            lambda: [tensor[:1] for tensor in run(copies)],
        )


def _signals(
    model: nn.Module, additional: Sequence[Any], count: int, inputs: Sequence[Tensor]
) -> list[Tensor]:
    """What the model gives, on copies; torch's generators are left as they are."""
    given = [tensor.detach().clone() for tensor in inputs]
    rows = len(given[0])
    further = [
        item[:rows] if isinstance(item, Tensor) and item.dim() and len(item) == count else item
        for item in additional
    ]
    cards = [tensor.device for tensor in given if tensor.is_cuda]
    with torch.no_grad(), torch.random.fork_rng(devices=cards):
        return list(named_signals(model(*given, *further)).values())
