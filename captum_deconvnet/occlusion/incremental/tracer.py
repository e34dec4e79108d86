"""The tracer: sees a forward pass below every Python spelling of it, and writes down a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.nn import functional as F

from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.rules.call import base_name, tensors, written_tensors
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.program import ProgramStep, ValueReference
from captum_deconvnet.occlusion.incremental.trace import Trace
from captum_deconvnet.occlusion.incremental.traceable import (
    FACTORIES,
    IDENTITIES,
    check_not_random,
    check_traceable,
    functional,
)
from captum_deconvnet.torch_modes import FunctionMode, OperationMode

Writer = Callable[[Any], None] | None
"""Writes a call down, given its output; ``None`` if it does not depend on the inputs."""
_T = TypeVar("_T")


class Tracer(OperationMode):
    """Writes down the operations that depend on the inputs."""

    def __init__(self) -> None:
        """Start with nothing known."""
        super().__init__()
        self.trace = Trace()
        self.storages = Storages(_refuse_view)
        self._numbers: dict[Value, int] = {}
        self._is_hidden = False

    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation, and write it down if it depends on the inputs."""
        return self._run_traced(func, args, kwargs, self._operation)

    def trace_as_one(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a torch function as one operation."""
        return self._run_traced(function, args, kwargs, self._function)

    def _run_traced(
        self, function: Callable[..., Any], args: Any, kwargs: Any, describe: Callable[..., Writer]
    ) -> Any:
        """Run a call; what keeps it from being traced never keeps it from running.

        A model that was stopped in the middle of a call could be left half changed.
        """
        if self._is_hidden or self.trace.error is not None:
            return function(*args, **kwargs)
        write = self._attempt(lambda: describe(function, args, kwargs))
        self._is_hidden = describe == self._function
        try:
            output = function(*args, **kwargs)
        finally:
            self._is_hidden = False
        if write is not None:
            self._attempt(lambda: write(output))
        return output

    def _attempt(self, run: Callable[[], _T]) -> _T | None:
        try:
            return run()
        except Exception as error:  # whatever it is, the model must go on
            self.trace.error = error
            return None

    def _operation(self, func: OpOverload, args: Any, kwargs: Any) -> Writer:
        """What to write down of an operation below torch's functions."""
        check_not_random(func)
        if base_name(func) in FACTORIES or not self.depends(args, kwargs):
            return None
        check_traceable(func)
        if base_name(func) in IDENTITIES:
            return lambda output: self._same(args[0], output)
        written = written_tensors(func, args, kwargs)
        templates = self._template(args), self._template(kwargs)
        return lambda output: self._add_operation(func, templates, output, written)

    def _add_operation(
        self, func: OpOverload, templates: Any, output: Any, written: Sequence[Tensor]
    ) -> None:
        function = functional(func)
        if function is torch.reshape:  # torch leaves a -1 in some of them
            templates = (templates[0][0], list(output.shape)), {}
        self._add(function, base_name(func), templates, output, written)

    def _function(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Writer:
        """What to write down of a torch function that is traced as one operation."""
        if not self.depends(args, kwargs):
            return None
        templates = self._template(args), self._template(kwargs)
        return lambda output: self._add(function, function.__name__, templates, output, ())

    def new(self, tensor: Tensor) -> int:
        """The number of a new value, which ``tensor`` holds."""
        value = Value(tensor.shape)
        shown = self.storages.standing(tensor)
        self._numbers[value] = number = len(self.trace.shapes)
        if shown is not None:
            other = self._numbers[shown]
            self.trace.same[number] = self.trace.same.get(other, other)
        self.trace.shapes.append(tensor.shape)
        self.storages.put(tensor, value)
        return number

    def number(self, tensor: Any) -> int | None:
        """The number of the value that ``tensor`` holds now, if it depends on the inputs."""
        value = self.storages.read(tensor) if isinstance(tensor, Tensor) else None
        return None if value is None else self._numbers[value]

    def note(self, layer: str, output: Any) -> None:
        """What a layer gave, if it depends on the inputs."""
        number = self.number(output)
        if number is not None:
            self.trace.layers[layer] = number

    def depends(self, *items: Any) -> bool:
        """Whether any tensor among the arguments depends on the inputs."""
        return any(self.storages.read(tensor) is not None for tensor in tensors(*items))

    def _same(self, tensor: Tensor, other: Tensor) -> None:
        """Both hold the same numbers, as after ``clone``: how they lie in memory is no matter."""
        value = self.storages.read(tensor)
        assert value is not None
        self.storages.put(other, value)

    def _template(self, item: Any) -> Any:
        if isinstance(item, Tensor):
            number = self.number(item)
            return item if number is None else ValueReference(number)
        if isinstance(item, (list, tuple)):
            return type(item)(self._template(each) for each in item)
        if isinstance(item, dict):
            return {name: self._template(each) for name, each in item.items()}
        return item

    def _add(
        self,
        function: Callable[..., Any],
        name: str,
        templates: tuple[Any, Any],
        output: Any,
        written: Sequence[Tensor],
    ) -> None:
        single = isinstance(output, Tensor)
        outputs = [output] if single else list(output or ())
        numbers = tuple(self._output(each, written) for each in outputs)
        self.trace.steps.append(ProgramStep(function, name, *templates, numbers, single))

    def _output(self, output: Any, written: Sequence[Tensor]) -> int | None:
        if not isinstance(output, Tensor):
            return None
        if not any(output is changed for changed in written):
            return self.new(output)
        value = Value(output.shape)
        self._numbers[value] = number = len(self.trace.shapes)
        self.trace.shapes.append(output.shape)
        self.storages.write(output, value)
        return number


def _refuse_view(*arguments: Any) -> NoReturn:
    raise UnsupportedOperationError("a view of a tensor that was changed in place is read again")


class FunctionTracer(FunctionMode):
    """Traces as one operation what is several to torch and one to the table of rules."""

    def __init__(self, tracer: Tracer) -> None:
        """Tell ``tracer``."""
        super().__init__()
        self.tracer = tracer

    def run_function(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run one function."""
        is_folded = func is F.pad and kwargs.get("mode", "constant") != "constant"
        if is_folded or func in _TRACED_AS_ONE:
            return self.tracer.trace_as_one(func, args, kwargs)
        return func(*args, **kwargs)


_TRACED_AS_ONE = (F.linear, F.adaptive_avg_pool2d, torch.einsum)
