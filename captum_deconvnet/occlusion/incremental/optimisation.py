"""Optimisation of a program: norms folded into filters, channels last, activations in place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from captum_deconvnet.occlusion.incremental.program import (
    Filters,
    Program,
    ProgramStep,
    ValueReference,
)

_NORMS = {"native_batch_norm", "_native_batch_norm_legit_no_training"}
_FRESH = {*_NORMS, "convolution", "linear", "native_layer_norm", "add", "mul"}
"""Operations whose output nobody else holds."""
_ACTIVATIONS = {
    *("relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish"),
    *("sigmoid", "hardsigmoid", "hardtanh", "tanh"),
}


def optimised(program: Program) -> Program:
    """Fold batch norms into the filters before them; filters are laid out channels last."""
    users = program.users()
    folded: set[int] = set()
    for step in program.steps:
        if step.name == "convolution" and (norm := _norm_after(step, users, program)):
            step.args, step.outputs = _folded(step.args, norm), norm.outputs[:1]
            folded.add(id(norm))
        if step.name == "convolution" and isinstance(step.args[1], Tensor):
            step.args = (step.args[0], Filters(step.args[1]), *step.args[2:])
    program.steps = [step for step in program.steps if id(step) not in folded]
    _activate_in_place(program)
    return program.pruned()


def _activate_in_place(program: Program) -> None:
    """Let activations take the place of the values that only they read."""
    users = program.users()
    made = {index: step.name for step in program.steps for index in step.outputs}
    for step in program.steps:
        if step.name in _ACTIVATIONS and isinstance(step.function, OpOverload):
            (read,) = step.reads
            alone = users[read] == [step] and read not in program.results
            if alone and made.get(read) in _FRESH:
                packet = getattr(torch.ops.aten, f"{step.name}_")
                step.function = getattr(packet, step.function._overloadname)


def _norm_after(
    step: ProgramStep, users: dict[int, list[ProgramStep]], program: Program
) -> ProgramStep | None:
    """The batch norm that is all that reads a convolution, if both are constant."""
    (output,) = step.outputs
    assert output is not None
    constant = (
        all(not isinstance(item, ValueReference) for item in step.args[1:]) and not step.args[6]
    )
    if output in program.results or len(users[output]) != 1 or not constant:
        return None
    norm = users[output][0]
    is_norm = norm.name in _NORMS and not norm.args[5] and norm.reads == [output]
    return norm if is_norm and all(index is None for index in norm.outputs[1:]) else None


def _folded(args: tuple[Any, ...], norm: ProgramStep) -> tuple[Any, ...]:
    """The convolution's arguments with the gain and shift of the norm in its filters."""
    weight, bias = args[1], args[2]
    gamma, beta, mean, variance = (_double(item) for item in norm.args[1:5])
    gain = (variance + norm.args[7]).rsqrt() * (1.0 if norm.args[1] is None else gamma)
    moved = (_double(bias) - mean) * gain + beta
    return (args[0], Filters(weight, gain.to(weight.dtype)), moved.to(weight.dtype), *args[3:])


def _double(item: Tensor | None) -> Tensor:
    return torch.zeros((), dtype=torch.float64) if item is None else item.double()
