"""A plain pass on the clean inputs, watched for what speaks against windows going together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet.errors import CaptumDeconvnetError, UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.engine import Model
from captum_deconvnet.occlusion.incremental.occluder import Occluder
from captum_deconvnet.occlusion.incremental.traceable import check_followed, check_not_random
from captum_deconvnet.occlusion.incremental.tracing import train_mode_refused


@dataclass(frozen=True)
class PlainPass:
    """What a model gave on the clean inputs.

    Args:
        output: its output.
        seconds: what it took, an upper bound.
        largest: bytes of the largest tensor that an operation gave.
    """

    output: Tensor
    seconds: float
    largest: int


def plain_pass(model: Model, occluder: Occluder) -> PlainPass | None:
    """Run a model on the clean inputs; ``None`` if windows may not simply go through it together.

    That is so if it draws random numbers, may decide by its numbers, or does not run watched.
    This costs a few microseconds an operation, a tenth of what it costs to write the pass down.

    Raises:
        TrainModeError: for a batch norm in train mode, naming it.
        OutputChoiceError: if it gives several tensors.
    """
    if not occluder.keeps_types:
        return None
    watch = _Watch()
    inputs, additional = occluder.clean(), model.additional(1)
    start = time.perf_counter()
    try:
        with torch.no_grad(), train_mode_refused(model.modules), watch:
            output = model.function(*inputs, *additional)
    except CaptumDeconvnetError:
        raise
    except Exception:  # it is run again, as the user would run it, and raises then if it must
        return None
    seconds = time.perf_counter() - start
    return PlainPass(output, seconds, watch.largest) if watch.is_plain else None


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Looks at every operation, and at nothing that it works on but its size."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.is_plain, self.largest = True, 0

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
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
        check_followed(func)
    except UnsupportedOperationError:
        return False
    return True
