"""Running a program: on the clean inputs, or for a batch of windows on the regions that change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.program import Program, ProgramStep, resolved
from captum_deconvnet.occlusion.incremental.region import WHOLE, RegionValues
from captum_deconvnet.occlusion.incremental.region_rules import RULES, UNARY
from captum_deconvnet.occlusion.incremental.window_batch import WindowBatch


def run_windows(batch: WindowBatch) -> tuple[dict[int, Tensor], int]:
    """Take a batch of windows through its program.

    Returns:
        The results, of all windows: (windows * N, ...) or as the batch grows in them; and the most
        bytes that the changed values took at once.
    """
    most_bytes = 0
    for step in batch.program.steps:
        if any(read in batch.changed for read in step.reads):
            _run_step(batch, step)
            most_bytes = max(most_bytes, _bytes_of(batch.changed.values()))
        for index in step.frees:
            batch.changed.pop(index, None)
    return {index: batch.whole(index) for index in batch.program.results}, most_bytes


def _run_step(batch: WindowBatch, step: ProgramStep) -> None:
    """Run a step on what changed if its rule allows it, else on whole maps."""
    found = None
    if any(batch.changed[read].region for read in step.reads if read in batch.changed):
        rule = RULES.get(step.name)
        dims = [batch.program.batch_dims[index] for index in step.outputs if index is not None]
        found = rule(batch, step) if rule and all(dim == 0 for dim in dims) else None
    for index, changed in zip(step.outputs, found or _on_whole_maps(batch, step), strict=False):
        if index is not None:
            batch.changed[index] = changed


def _on_whole_maps(batch: WindowBatch, step: ProgramStep) -> list[RegionValues]:
    output = _call(step, batch.count, batch.whole)
    return [RegionValues(one, WHOLE) for one in ([output] if step.single else output)]


def _call(step: ProgramStep, count: int, value: Any) -> Any:
    args = resolved(step.args, count, value)
    kwargs = {name: resolved(item, count, value) for name, item in step.kwargs.items()}
    return step.function(*args, **kwargs)


def _bytes_of(changed: Iterable[RegionValues]) -> int:
    return sum(one.tensor.nbytes for one in changed)


@torch.no_grad()
def run_clean(program: Program, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
    """Every value that a batch of windows may have to read, on the clean inputs."""
    users = program.users()
    pasted = {index for step in program.steps if step.name == "cat" for index in step.outputs}
    values = dict(zip(program.inputs, inputs, strict=True))
    for step in program.steps:
        output = _call(step, 1, values.__getitem__)
        for index, one in zip(step.outputs, [output] if step.single else output, strict=False):
            if index is not None:
                values[index] = one
        for index in step.frees:
            if index not in pasted and _only_changes_are_read(users[index]):
                del values[index]
    return values


def _only_changes_are_read(users: Sequence[ProgramStep]) -> bool:
    """Whether every step that reads a value needs only what changed of it."""
    return all(step.name in UNARY for step in users)
