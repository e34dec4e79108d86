"""Tracing: one forward pass, watched below every Python spelling of it, as a list of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.incremental.followed import (
    FACTORIES,
    SAME,
    check_followed,
    check_not_random,
    functional,
)
from captum_deconvnet.incremental.program import Ref, Step
from captum_deconvnet.incremental.traced import Trace
from captum_deconvnet.incremental.train_mode import train_mode_refused
from captum_deconvnet.projection.call import tensors
from captum_deconvnet.projection.names import base_name
from captum_deconvnet.projection.storages import Storages
from captum_deconvnet.projection.tape import Value
from captum_deconvnet.projection.writes import written_tensors


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down the operations that depend on the inputs."""

    def __init__(self) -> None:
        """Start with nothing known."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.trace = Trace()
        self.storages = Storages(_refuse_view, _refuse_view)
        self._numbers: dict[Value, int] = {}
        self._is_hidden = False

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation, and write it down if it depends on the inputs."""
        kwargs = kwargs or {}
        if not self._is_hidden:
            check_not_random(func)
        if self._is_hidden or base_name(func) in FACTORIES or not self.depends(args, kwargs):
            return func(*args, **kwargs)
        check_followed(func)
        written = written_tensors(func, args, kwargs)
        templates = self._template(args), self._template(kwargs)
        output = func(*args, **kwargs)
        if base_name(func) in SAME:
            self._same(args[0], output)
        else:
            function = functional(func)
            if function is torch.reshape:  # torch leaves a -1 in some of them
                templates = (templates[0][0], list(output.shape)), {}
            self._add(function, base_name(func), *templates, output, written)
        return output

    def take_whole(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a torch function as one operation."""
        if self._is_hidden or not self.depends(args, kwargs):
            return function(*args, **kwargs)
        templates = self._template(args), self._template(kwargs)
        self._is_hidden = True
        try:
            output = function(*args, **kwargs)
        finally:
            self._is_hidden = False
        self._add(function, function.__name__, *templates, output, ())
        return output

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
            return item if number is None else Ref(number)
        if isinstance(item, (list, tuple)):
            return type(item)(self._template(each) for each in item)
        if isinstance(item, dict):
            return {name: self._template(each) for name, each in item.items()}
        return item

    def _add(
        self,
        function: Callable[..., Any],
        name: str,
        args: Any,
        kwargs: Any,
        output: Any,
        written: Sequence[Tensor],
    ) -> None:
        single = isinstance(output, Tensor)
        outputs = [output] if single else list(output or ())
        numbers = tuple(self._output(each, written) for each in outputs)
        self.trace.steps.append(Step(function, name, args, kwargs, numbers, single))

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
    copies = [tensor.detach().clone() for tensor in inputs]
    for tensor in copies:
        tracer.new(tensor)
    with torch.no_grad(), _watched(tracer, modules, layers), _Whole(tracer), tracer:
        output = function(*copies, *additional)
    found = tracer.trace
    found.output, found.output_index = output, tracer.number(output)
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
            hook = modules[path].register_forward_hook(note(path), prepend=True)
            undo.enter_context(hook)
        yield


def _refuse_view(*arguments: Any) -> NoReturn:
    raise UnsupportedOperationError("a view of a tensor that was changed in place is read again")
