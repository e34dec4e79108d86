"""The program, run for a block of windows: each step on what changed, where its table has a way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.occlusion.incremental.block import Block
from captum_deconvnet.occlusion.incremental.program import Program, Step, resolved
from captum_deconvnet.occlusion.incremental.recompute import ONE_BY_ONE, TABLE
from captum_deconvnet.occlusion.incremental.region import WHOLE, Changed


def run_block(block: Block) -> tuple[dict[int, Tensor], int]:
    """Take a block of windows through its program.

    Returns:
        The results, of all windows: (windows * N, ...) or as the batch grows in them; and the most
        bytes that the changed values took at once.
    """
    most_bytes = 0
    for step in block.program.steps:
        if any(read in block.values for read in step.reads):
            _run_step(block, step)
            most_bytes = max(most_bytes, bytes_of(block.values.values()))
        for index in step.last:
            block.values.pop(index, None)
    return {index: block.dense(index) for index in block.program.results}, most_bytes


def _run_step(block: Block, step: Step) -> None:
    found = None
    if any(block.values[read].region for read in step.reads if read in block.values):
        way = TABLE.get(step.name)
        batches = [block.program.batch[index] for index in step.outputs if index is not None]
        found = way(block, step) if way and not any(batches) and None not in batches else None
    for index, changed in zip(step.outputs, found or _dense(block, step), strict=False):
        if index is not None:
            block.values[index] = changed


def _dense(block: Block, step: Step) -> list[Changed]:
    """Run a step on whole maps."""
    args = resolved(step.args, block.count, block.dense)
    kwargs = {name: resolved(item, block.count, block.dense) for name, item in step.kwargs.items()}
    output = step.function(*args, **kwargs)
    return [Changed(one, WHOLE) for one in ([output] if step.single else output)]


def bytes_of(changed: Iterable[Changed]) -> int:
    """What the numbers of these take in memory."""
    return sum(one.tensor.nbytes for one in changed)


def clean_pass(program: Program, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
    """Every value that a block of windows may have to look at, on the clean inputs."""
    users = program.users()
    pasted = {index for step in program.steps if step.name == "cat" for index in step.outputs}
    values = dict(zip(program.inputs, inputs, strict=True))
    with torch.no_grad():
        for step in program.steps:
            output = step.function(
                *resolved(step.args, 1, values.__getitem__),
                **{
                    name: resolved(item, 1, values.__getitem__)
                    for name, item in step.kwargs.items()
                },
            )
            for index, one in zip(step.outputs, [output] if step.single else output, strict=False):
                if index is not None:
                    values[index] = one
            for index in step.last:
                if index not in pasted and is_passed_by(users[index]):
                    del values[index]
    return values


def is_passed_by(users: Sequence[Step]) -> bool:
    """Whether every step that reads a value needs only what changed of it."""
    return all(step.name in ONE_BY_ONE for step in users)
