"""A block in batches, which become smaller when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.scores import Curve, Scores

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
