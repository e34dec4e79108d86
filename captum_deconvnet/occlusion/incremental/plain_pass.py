"""A pass on the clean inputs that is not traced: only which operations run is looked at.

It tells whether windows may go through the model together, at a tenth of the cost of a trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from captum_deconvnet.errors import CaptumDeconvnetError, UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.traceable import check_not_random, check_traceable
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.torch_modes import OperationMode


@dataclass(frozen=True)
class PlainPass:
    """What a model gave on the clean inputs.

    Args:
        outputs: the tensors.
        seconds: what it took, an upper bound.
        largest: bytes of the largest tensor that an operation gave.
    """

    outputs: list[Tensor]
    seconds: float
    largest: int


def plain_pass(
    run: Callable[[Sequence[Tensor], int], list[Tensor]], occluder: Occluder
) -> PlainPass | None:
    """Run a model on the clean inputs; ``None`` if windows may not simply go through it together.

    That is so if it draws random numbers, may decide by its numbers, or does not run under a
    dispatch mode. This costs a few microseconds an operation.

    Raises:
        TrainModeError: for a batch norm in train mode, naming it.
        OutputChoiceError: if it gives several tensors.
    """
    if not occluder.keeps_dtypes:
        return None
    check, inputs = _OperationCheck(), occluder.clean_inputs()
    start = time.perf_counter()
    try:
        with torch.no_grad(), check:
            outputs = run(inputs, 1)
    except CaptumDeconvnetError:
        raise
    except Exception:  # it is run again, as the user would run it, and raises then if it must
        return None
    seconds = time.perf_counter() - start
    return PlainPass(outputs, seconds, check.largest) if check.is_plain else None


class _OperationCheck(OperationMode):
    """Checks every operation; of the tensors it looks at the size alone."""

    def __init__(self) -> None:
        super().__init__()
        self.is_plain, self.largest = True, 0

    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        output = func(*args, **kwargs) if kwargs else func(*args)
        self.is_plain = self.is_plain and _is_plain(func)
        if isinstance(output, Tensor) and not func.is_view:  # a view of weights is no activation
            self.largest = max(self.largest, output.nbytes)
        return output


@lru_cache(maxsize=4096)
def _is_plain(func: OpOverload) -> bool:
    """Whether an operation gives the same every time, by what it is given alone."""
    try:
        check_not_random(func)
        check_traceable(func)
    except UnsupportedOperationError:
        return False
    return True
