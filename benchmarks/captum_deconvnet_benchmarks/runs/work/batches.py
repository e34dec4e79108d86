"""A block in batches, which become smaller when memory runs out, and what they cost.

The cost is seconds, images through the model, and memory.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.measuring import memory_now, memory_rise
from captum_deconvnet_benchmarks.protocol.metric import Curve, Scores

Result = TypeVar("Result")
CPU_REFUSAL = "DefaultCPUAllocator"
"""What torch's CPU allocator says in a plain RuntimeError."""


def in_batches(count: int, batch: int, call: Callable[[slice], Result]) -> tuple[list[Result], int]:
    """The results for images 0 to ``count``, batch by batch, and the last batch's size.

    When memory runs out the batch is halved, and only what was not yet done is done again. The
    images are the same, and so are their seeds: no score changes but for the rounding of sums.

    Raises:
        MemoryError, torch.OutOfMemoryError, RuntimeError: one image alone is too much.
    """
    results: list[Result] = []
    start = 0
    while start < count:
        try:
            results.append(call(slice(start, min(start + batch, count))))
        except (MemoryError, RuntimeError) as error:
            if batch == 1 or not out_of_memory(error):
                raise
        else:
            start += batch
            continue
        batch = (batch + 1) // 2  # here the error, and what it holds, is gone
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return results, min(batch, count)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or CPU_REFUSAL in str(error)


def joined(parts: Sequence[Scores]) -> Scores:
    """The scores of a block from those of its batches.

    Raises:
        ResultsError: the batches do not have the same scores, or curves at the same places.
    """
    first = parts[0]
    for part in parts[1:]:
        alike = list(part.values) == list(first.values) and list(part.curves) == list(first.curves)
        if not alike or not all(
            torch.equal(part.curves[name].x, curve.x) for name, curve in first.curves.items()
        ):
            raise ResultsError("the metric gave other scores for another batch of the same block")
    return Scores(
        {name: torch.cat([part.values[name] for part in parts]) for name in first.values},
        {
            name: Curve(curve.x, torch.cat([part.curves[name].y for part in parts]))
            for name, curve in first.curves.items()
        },
    )


class Meter:
    """Counts what the model does, while one piece of work is done.

    Attributes:
        seconds: that it took.
        forward_passes: images that went through the model itself; copies of it and the parts that
            are recomputed incrementally are not seen.
        backward_passes: images that autograd went back from; projections of this package go back
            over a tape of their own, and are not seen.
        peak_bytes: how far memory rose; ``None`` where the system does not say.
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds = 0.0
        self.forward_passes = 0
        self.backward_passes = 0
        self.peak_bytes: int | None = None

    def cost(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return dict(vars(self))

    def _forward(self, module: nn.Module, given: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            self.forward_passes += len(output)
            if output.requires_grad:
                output.register_hook(self._backward)  # type: ignore[no-untyped-call]

    def _backward(self, gradient: Tensor) -> None:
        self.backward_passes += len(gradient)


@contextlib.contextmanager
def metered(model: nn.Module, device: torch.device) -> Iterator[Meter]:
    """Around a piece of work; what it cost is in the meter afterwards."""
    meter = Meter()
    hook = model.register_forward_hook(meter._forward)
    before = memory_now(device)
    start = time.perf_counter()
    try:
        yield meter
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    finally:
        meter.seconds = time.perf_counter() - start
        hook.remove()
    meter.peak_bytes = memory_rise(before, device)
