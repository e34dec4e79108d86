"""The recorder: watches one forward pass and puts every operation on the tape.

A torch dispatch mode sees the operations below every Python spelling of them: modules,
functions, methods, operators, in-place changes, scripted code and custom autograd functions
all end there. Modules and torch functions that have a rule of their own are taken whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet.projection.adjoint import Adjoint, Custom
from captum_deconvnet.projection.call import Answer, Call, is_signal, tensors
from captum_deconvnet.projection.excerpts import excerpt, overlay
from captum_deconvnet.projection.family import Family
from captum_deconvnet.projection.reach import whole
from captum_deconvnet.projection.storages import Storages
from captum_deconvnet.projection.table import FALLBACK, KEEPS, TABLE, Row
from captum_deconvnet.projection.tape import Step, Tape, Value

Rows = Mapping[Any, Row]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the operations of one forward pass.

    Attributes:
        tape: the steps so far.
        storages: which value each tensor holds.
        path: the modules being run, outermost first.
    """

    def __init__(self, rows: Rows, family: Family) -> None:
        """Record by the built-in table, with ``rows`` (operation, function or module) before it."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows, self.family, self.tape = rows, family, Tape()
        self.path: list[str] = []
        self.storages = Storages(partial(overlay, self.tape), partial(excerpt, self.tape))
        self._found: dict[OpOverload, Row] = {}
        self._is_hidden = False

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation, and record it if it depends on the input."""
        kwargs = kwargs or {}
        if not tensors(args, kwargs):
            return func(*args, **kwargs)
        written = written_tensors(func, args, kwargs)

        def run() -> Any:
            for tensor in written:
                self.storages.protect(tensor)
            return func(*args, **kwargs)

        if self._is_hidden or func in _BY_STORAGE:
            return run()
        call = self._call(func, args, kwargs, run)
        if not call.sources:
            return run()
        self._record(call, self._row(func), written)
        return call.output

    def take_whole(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[], Any]
    ) -> Any:
        """Run a function or module that has a rule of its own, as one operation."""
        call = self._call(function, args, kwargs, run)
        if self._is_hidden or not call.inputs:
            return run()
        with self.hidden():  # a rule's own arithmetic is not the model's
            self._record(call, self.rows[_row_key(function)], tuple(tensors(args, kwargs)))
        return call.output

    def _call(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[], Any]
    ) -> Call:
        return Call(function, args, kwargs, storages=self.storages, family=self.family, run=run)

    def _row(self, func: OpOverload) -> Row:
        if func not in self._found:
            packet = self.rows.get(func.overloadpacket, TABLE.get(base_name(func), FALLBACK))
            self._found[func] = self.rows.get(func, packet)
        return self._found[func]

    def _record(self, call: Call, row: Row, written: tuple[Tensor, ...]) -> None:
        call.rule, call.kind = row.name, row.kind
        answer = row.rule(call) if call.inputs else None
        adjoints = _as_adjoints(answer, call) if call.inputs else []
        for place, tensor in enumerate(tensors(call.output)):
            adjoint = adjoints[place] if place < len(adjoints) and is_signal(tensor) else None
            value = self._value(call, row, tensor, flows=adjoint is not None)
            if adjoint is not None:
                self._add_step(call, adjoint, value)
            in_place = any(tensor is changed for changed in written)
            moved = in_place and torch.Tag.inplace_view in getattr(call.function, "tags", ())
            (self.storages.write if in_place and not moved else self.storages.put)(tensor, value)

    def _value(self, call: Call, row: Row, tensor: Tensor, *, flows: bool) -> Value:
        gate = min(value.gate for value in call.sources) if row.gate == KEEPS else row.gate
        value = Value(tensor.shape, flows=flows, gate=gate)
        roots = {source.root for source in call.sources}
        if row.elementwise and len(roots) == 1 and call.sources[0].shape == tensor.shape:
            value.source = call.sources[0].root
        return value

    def _add_step(self, call: Call, adjoint: Adjoint, value: Value) -> None:
        inputs = tuple(call.value(tensor) for tensor in call.inputs)
        assert all(inputs)
        module = self.path[-1] if self.path else ""
        name = operation_name(call.function)
        self.tape.steps.append(Step(inputs, value, adjoint, module, name, call.rule, call.kind))  # type: ignore[arg-type]

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Operations in this context run unrecorded."""
        before = self._is_hidden
        self._is_hidden = True
        try:
            yield
        finally:
            self._is_hidden = before


class FunctionRecorder(TorchFunctionMode):
    """Takes whole the torch functions that have a rule of their own."""

    def __init__(self, recorder: Recorder) -> None:
        """Report to ``recorder``."""
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one torch function."""
        kwargs = kwargs or {}
        if func not in self.recorder.rows:
            return func(*args, **kwargs)
        return self.recorder.take_whole(func, args, kwargs, lambda: func(*args, **kwargs))


_BY_STORAGE = (torch.ops.aten.as_strided.default, torch.ops.aten.as_strided_.default)


@lru_cache(maxsize=4096)
def base_name(func: OpOverload) -> str:
    """The operation without its namespace, overload and in-place mark: ``relu``."""
    name = func._schema.name.split("::")[1]
    return name[:-1] if name.endswith("_") and func._schema.is_mutable else name


def operation_name(function: Any) -> str:
    """What the receipt calls an operation."""
    if isinstance(function, OpOverload):
        return base_name(function)
    return type(function).__name__ if isinstance(function, nn.Module) else function.__name__


def written_tensors(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, ...]:
    """The arguments that the operation changes in place."""
    names = _written_names(func)
    if not names:
        return ()
    given = [args[place] for place, _ in names if place < len(args)]
    given += [kwargs[name] for _, name in names if name in kwargs]
    return tuple(tensors(given))


@lru_cache(maxsize=4096)
def _written_names(func: OpOverload) -> tuple[tuple[int, str], ...]:
    return tuple(
        (place, argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


def _row_key(function: Any) -> Any:
    return type(function) if isinstance(function, nn.Module) else function


def _as_adjoints(answer: Answer, call: Call) -> list[Adjoint]:
    """A rule's answer as one adjoint an output."""
    if answer is None:
        return []
    if isinstance(answer, Adjoint):
        return [answer]
    if callable(answer):
        return [Custom(tuple(whole(tensor.dim()) for tensor in call.inputs), answer)]
    return list(answer)
