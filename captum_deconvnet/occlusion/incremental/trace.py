"""Traces of forward passes, and the program that two of them make.

Two passes on batches of different size tell what in the arguments grows with the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.memory_layout import repeated
from captum_deconvnet.occlusion.incremental.program import (
    BatchMultiple,
    Program,
    ProgramStep,
    RepeatedConstant,
    ValueReference,
)
from captum_deconvnet.occlusion.incremental.traceable import DataDependentError


@dataclass(eq=False)
class Trace:
    """The operations of one forward pass, and the values between them.

    Attributes:
        steps: the operations that depend on the inputs.
        shapes: the shapes of all values, by number.
        output: what the model gave.
        output_index: the number of the output's value; ``None`` if it is not one.
        layers: the numbers of the outputs of modules asked for, by module path.
        same: for a view that shows all of another value as it is, that value's number: nothing
            tells which of the two is read after that.
        error: the first thing that could not be traced: what came after it is not in the trace.
    """

    steps: list[ProgramStep] = field(default_factory=list)
    shapes: list[torch.Size] = field(default_factory=list)
    output: Any = None
    output_index: int | None = None
    layers: dict[str, int] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)
    error: Exception | None = None


def program_of(one: Trace, two: Trace) -> Program:
    """The program of two traces: ``one`` on the clean inputs and ``two`` on two windows.

    Raises:
        UnsupportedOperationError: if the passes differ in more than the size of the batch.
    """
    assert one.output_index is not None
    if [step.function for step in one.steps] != [step.function for step in two.steps]:
        raise DataDependentError("what the model does depends on its numbers")
    steps = [_step(*pair, one.same) for pair in zip(one.steps, two.steps, strict=True)]
    shapes = dict(enumerate(one.shapes))
    batch = {index: _grown(shapes[index], shape) for index, shape in enumerate(two.shapes)}
    inputs = tuple(range(len(shapes) - sum(len(_made(step)) for step in steps)))
    if batch[one.output_index] != 0:
        raise UnsupportedOperationError("the model's output does not grow with the batch")
    program = Program(inputs, steps, one.output_index, shapes, batch, dict(one.layers))
    return program.pruned()


def _made(step: ProgramStep) -> list[int]:
    return [index for index in step.outputs if index is not None]


def _step(one: ProgramStep, two: ProgramStep, same: Mapping[int, int]) -> ProgramStep:
    if one.outputs != two.outputs:
        raise _unlike(one)
    args = _merged(one.args, two.args, one, same)
    kwargs = _merged(one.kwargs, two.kwargs, one, same)
    return ProgramStep(one.function, one.name, args, kwargs, one.outputs, one.single)


def _merged(one: Any, two: Any, step: ProgramStep, same: Mapping[int, int]) -> Any:
    """An argument as a function of the number of windows: as it is at one, and at two."""
    if isinstance(one, Tensor):
        return _constant(one, two, step)
    if isinstance(one, (list, tuple)) and len(one) == len(two):
        return type(one)(_merged(*pair, step, same) for pair in zip(one, two, strict=True))
    if isinstance(one, dict):
        return {name: _merged(item, two[name], step, same) for name, item in one.items()}
    if type(one) is int and type(two) is int and two == 2 * one != 0:
        return BatchMultiple(one)
    if isinstance(one, ValueReference) and isinstance(two, ValueReference):
        alike = same.get(one.index, one.index) == same.get(two.index, two.index)
        one = two if alike else one
    if one != two:
        raise _unlike(step)
    return one


def _constant(one: Tensor, two: Any, step: ProgramStep) -> Tensor | RepeatedConstant:
    if not isinstance(two, Tensor) or one.dim() != two.dim():
        raise _unlike(step)
    if one is two or _is_same_memory(one, two):
        return one
    dim = _grown(one.shape, two.shape)
    expected = one if dim is None else repeated(one, dim, 2)
    if not torch.equal(expected, two):
        raise _unlike(step)
    return one if dim is None else RepeatedConstant(one, dim)


def _is_same_memory(one: Tensor, two: Tensor) -> bool:
    places = [(each.data_ptr(), each.shape, each.stride(), each.dtype) for each in (one, two)]
    return places[0] == places[1]


def _grown(one: Sequence[int], two: Sequence[int]) -> int | None:
    """The one dimension that is twice as long; ``None`` if there is none or more than one."""
    if len(one) != len(two):
        return None
    differing = [
        dim for dim, sizes in enumerate(zip(one, two, strict=True)) if sizes[0] != sizes[1]
    ]
    if len(differing) != 1 or two[differing[0]] != 2 * one[differing[0]]:
        return None
    return differing[0]


def _unlike(step: ProgramStep) -> UnsupportedOperationError:
    return UnsupportedOperationError(f"{step.name} is called in two ways for one and two windows")
