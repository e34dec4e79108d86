"""The same program with less work: batch norms in the filters before them, channels last."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.incremental.program import Program, Ref, Step

_NORMS = {"native_batch_norm", "_native_batch_norm_legit_no_training"}


def optimised(program: Program) -> Program:
    """Fold batch norms into the filters before them, and lay filters out channels last."""
    users = program.users()
    folded: set[int] = set()
    for step in program.steps:
        if step.name == "convolution" and (norm := _norm_after(step, users, program)):
            step.args, step.outputs = _folded(step.args, norm), norm.outputs[:1]
            folded.add(id(norm))
    program.steps = [step for step in program.steps if id(step) not in folded]
    for step in program.steps:
        if step.name == "convolution":
            step.args = tuple(_channels_last(item) for item in step.args)
    return program.tidy()


def _norm_after(step: Step, users: dict[int, list[Step]], program: Program) -> Step | None:
    """The batch norm that is all that reads a convolution, if both are constant."""
    (output,) = step.outputs
    assert output is not None
    constant = all(not isinstance(item, Ref) for item in step.args[1:]) and not step.args[6]
    if output in program.results or len(users[output]) != 1 or not constant:
        return None
    norm = users[output][0]
    is_norm = norm.name in _NORMS and not norm.args[5] and norm.reads == [output]
    return norm if is_norm and all(index is None for index in norm.outputs[1:]) else None


def _folded(args: tuple[Any, ...], norm: Step) -> tuple[Any, ...]:
    """The convolution's arguments with the gain and shift of the norm in its filters."""
    weight, bias = args[1], args[2]
    gamma, beta, mean, variance = (_double(item) for item in norm.args[1:5])
    gain = (variance + norm.args[7]).rsqrt() * (1.0 if norm.args[1] is None else gamma)
    moved = (_double(bias) - mean) * gain + beta
    scaled = weight.double() * gain.view(-1, *[1] * (weight.dim() - 1))
    return (args[0], scaled.to(weight.dtype), moved.to(weight.dtype), *args[3:])


def _double(item: Tensor | None) -> Tensor:
    return torch.zeros((), dtype=torch.float64) if item is None else item.double()


def _channels_last(item: Any) -> Any:
    if isinstance(item, Tensor) and item.dim() == 4:
        return item.contiguous(memory_format=torch.channels_last)
    return item
