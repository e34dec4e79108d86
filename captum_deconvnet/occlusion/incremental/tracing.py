"""Tracing: one forward pass, written down as a list of calls.

Norms in train mode mix the images of a batch, or learn: they are refused while a model runs.

Two forward passes on batches of different size tell what of a program grows with the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _NormBase
from torch.overrides import TorchFunctionMode

from captum_deconvnet.engine.recorder.module_hooks import in_this_thread, refuse_train_mode
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.memory import copies
from captum_deconvnet.occlusion.incremental.program import (
    Growing,
    Program,
    Ref,
    Repeated,
    Step,
    repeated,
)
from captum_deconvnet.occlusion.incremental.traceable import DecidingError
from captum_deconvnet.occlusion.incremental.tracer import Trace, Tracer

pass


class _Whole(TorchFunctionMode):
    """Takes whole what is one operation to us and several to torch."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        is_folded = func is F.pad and kwargs.get("mode", "constant") != "constant"
        if is_folded or func in _TAKEN_WHOLE:
            return self.tracer.take_whole(func, args, kwargs)
        return func(*args, **kwargs)


_TAKEN_WHOLE = (F.linear, F.adaptive_avg_pool2d, torch.einsum)


def trace(
    function: Callable[..., Any],
    inputs: Sequence[Tensor],
    additional: Sequence[Any] = (),
    *,
    modules: Mapping[str, nn.Module],
    layers: Sequence[str] = (),
) -> Trace:
    """Run ``function`` on ``inputs`` and write down what it does.

    Args:
        function: the model's forward function.
        inputs: its inputs; not changed.
        additional: further arguments, which no result depends on here.
        modules: the modules it may run, by path.
        layers: the paths of modules whose outputs are asked for.

    Raises:
        UnsupportedOperationError: for an operation that cannot be followed.
        TrainModeError: for a batch norm in train mode, naming it.
    """
    tracer = Tracer()
    own = [copies(tensor, 1) for tensor in inputs]
    for tensor in own:
        tracer.new(tensor)
    with torch.no_grad(), _watched(tracer, modules, layers), _Whole(tracer), tracer:
        output = function(*own, *additional)
    if tracer.trace.trouble is not None:
        raise tracer.trace.trouble
    found = tracer.trace
    found.output, found.output_index = output, tracer.number(output)
    if found.output_index is None:
        raise UnsupportedOperationError(
            "the model's output is not one tensor that depends on its inputs"
        )
    return found


@contextmanager
def _watched(
    tracer: Tracer, modules: Mapping[str, nn.Module], layers: Sequence[str]
) -> Iterator[None]:
    """Note the layers' outputs, and refuse batch norms in train mode."""

    def note(path: str) -> Callable[..., None]:
        def left(module: nn.Module, args: Any, output: Any) -> None:
            number = tracer.number(output)
            if number is not None:
                tracer.trace.layers[path] = number

        return left

    with train_mode_refused(modules), ExitStack() as undo:
        for path in layers:
            hook = modules[path].register_forward_hook(in_this_thread(note(path)), prepend=True)
            undo.enter_context(hook)
        yield


@contextmanager
def train_mode_refused(modules: Mapping[str, nn.Module]) -> Iterator[None]:
    """Refuse norms that run in train mode in this thread, naming them."""
    with ExitStack() as undo:
        for path, module in modules.items():
            if isinstance(module, _NormBase) and not isinstance(module, torch.jit.ScriptModule):
                hook = module.register_forward_pre_hook(
                    in_this_thread(lambda module, args, path=path: refuse_train_mode(path, module))
                )
                undo.enter_context(hook)
        yield


def paired(one: Trace, two: Trace) -> Program:
    """The program of which ``one`` is the run on the clean inputs and ``two`` on two windows.

    Raises:
        UnsupportedOperationError: if the passes differ in more than the size of the batch.
    """
    assert one.output_index is not None
    if [step.function for step in one.steps] != [step.function for step in two.steps]:
        raise DecidingError("what the model does depends on its numbers")
    steps = [_step(*pair, one.same) for pair in zip(one.steps, two.steps, strict=True)]
    shapes = dict(enumerate(one.shapes))
    batch = {index: _grown(shapes[index], shape) for index, shape in enumerate(two.shapes)}
    inputs = tuple(range(len(shapes) - sum(len(_made(step)) for step in steps)))
    if batch[one.output_index] != 0:
        raise UnsupportedOperationError("the model's output does not grow with the batch")
    program = Program(inputs, steps, one.output_index, shapes, batch, dict(one.layers))
    return program.tidy()


def _made(step: Step) -> list[int]:
    return [index for index in step.outputs if index is not None]


def _step(one: Step, two: Step, same: Mapping[int, int]) -> Step:
    if one.outputs != two.outputs:
        raise _unlike(one)
    args = _merged(one.args, two.args, one, same)
    kwargs = _merged(one.kwargs, two.kwargs, one, same)
    return Step(one.function, one.name, args, kwargs, one.outputs, one.single)


def _merged(one: Any, two: Any, step: Step, same: Mapping[int, int]) -> Any:
    """An argument as a function of the number of windows: as it is at one, and at two."""
    if isinstance(one, Tensor):
        return _constant(one, two, step)
    if isinstance(one, (list, tuple)) and len(one) == len(two):
        return type(one)(_merged(*pair, step, same) for pair in zip(one, two, strict=True))
    if isinstance(one, dict):
        return {name: _merged(item, two[name], step, same) for name, item in one.items()}
    if type(one) is int and type(two) is int and two == 2 * one != 0:
        return Growing(one)
    if isinstance(one, Ref) and isinstance(two, Ref):
        alike = same.get(one.index, one.index) == same.get(two.index, two.index)
        one = two if alike else one
    if one != two:
        raise _unlike(step)
    return one


def _constant(one: Tensor, two: Any, step: Step) -> Tensor | Repeated:
    if not isinstance(two, Tensor) or one.dim() != two.dim():
        raise _unlike(step)
    if one is two or _is_same_memory(one, two):
        return one
    dim = _grown(one.shape, two.shape)
    expected = one if dim is None else repeated(one, dim, 2)
    if not torch.equal(expected, two):
        raise _unlike(step)
    return one if dim is None else Repeated(one, dim)


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


def _unlike(step: Step) -> UnsupportedOperationError:
    return UnsupportedOperationError(f"{step.name} is called in two ways for one and two windows")
