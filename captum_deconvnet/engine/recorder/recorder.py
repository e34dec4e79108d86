"""The recorder: sees one forward pass and puts every operation on the tape.

A torch dispatch mode sees the operations below every Python spelling of them: modules,
functions, methods, operators, in-place changes, scripted code and custom autograd functions
all end there. Modules and torch functions that have a rule of their own are taken whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import get_unwrapped, is_functorch_wrapped_tensor
from torch._ops import OpOverload
from torch.autograd.function import FunctionMeta

from captum_deconvnet.engine.aliases.in_place_changes import derive
from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.formulas.composite_activations import (
    CompositeActivations,
    CompositeStep,
)
from captum_deconvnet.engine.formulas.formula import Formula
from captum_deconvnet.engine.recorder.rewritten_operations import WRITTEN_OUT, copy_out, write_out
from captum_deconvnet.engine.rules.call import (
    Call,
    as_adjoints,
    is_signal,
    is_strided,
    operation_name,
    out_names,
    tensors,
    typed,
    written_tensors,
)
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.rules.table import FALLBACK, OUTSIDE, TABLE, Row
from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.tape import GateStrength, Inherited, Step, Tape, Value
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.torch_modes import OperationMode

Rows = Mapping[Any, Row]


class Recorder(OperationMode):
    """Records the operations of one forward pass.

    Attributes:
        tape: the steps so far.
        storages: which value each tensor holds.
        path: the modules being run, outermost first.
        found: the row of every operation that was seen.
    """

    def __init__(self, rows: Rows, family: Family) -> None:
        """Record by the built-in table, with ``rows`` (operation, function or module) before it."""
        super().__init__()
        self.rows, self.family, self.tape = rows, family, Tape()
        self.path: list[str] = []
        self.storages = Storages(partial(derive, self.tape))
        self.composites = CompositeActivations(self.storages, self.tape, family)
        self.found: dict[OpOverload, Row] = {}
        self._is_hidden = False

    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation, and record it if it depends on the input."""
        if not tensors(args, kwargs):
            return func(*args, **kwargs)
        written = written_tensors(func, args, kwargs)

        def run() -> Any:
            for tensor in written:
                self.storages.protect(tensor)
            return func(*args, **kwargs)

        if self._is_hidden:
            return run()
        if func in _BY_STORAGE:
            view = run()
            self.storages.inherit(view, args[:1])
            return view
        call = self._call(func, args, kwargs, run)
        return self._recorded(func, call, written) if call.sources else run()

    def _recorded(self, func: OpOverload, call: Call, written: tuple[Tensor, ...]) -> Any:
        """The output of an operation that depends on the input, which goes on the tape."""
        if func in WRITTEN_OUT:
            with self.hidden():
                outputs = tensors(call.output)
            write_out(call, self.storages, self, outputs)
            return call.output
        if written and (names := out_names(func)):
            return copy_out(func, call.args, call.kwargs, names, self)
        if written and not func._schema.returns:
            raise UnsupportedOperationError(
                f"{operation_name(func)} in {self.place} changes its arguments in place and "
                "returns nothing: that cannot be followed. Use one that returns what it changed."
            )
        self._record(call, self._row(func), written)
        return call.output

    def take_whole(
        self,
        function: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        run: Callable[[], Any],
        row: Row | None = None,
    ) -> Any:
        """Run a function or module that has a rule of its own, as one operation."""
        call = self._call(function, args, kwargs, run)
        if self._is_hidden or not call.inputs:
            return run()
        with self.hidden():  # a rule's own arithmetic is not the model's
            self._record(call, row or self.rows[_row_key(function)], tuple(tensors(args, kwargs)))
        return call.output

    def flows(self, item: Any) -> bool:
        """Whether a signal that arrives at an argument can go on to the input."""
        while isinstance(item, Tensor) and is_functorch_wrapped_tensor(item):
            item = get_unwrapped(item)
        if self._is_hidden or not isinstance(item, Tensor) or not is_strided(item):
            return False
        value = self.storages.read(item)
        return value is not None and value.flows

    def _call(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[], Any]
    ) -> Call:
        return Call(function, args, kwargs, storages=self.storages, family=self.family, run=run)

    def _row(self, func: OpOverload) -> Row:
        if func not in self.found:
            name = operation_name(func)
            built_in = TABLE.get(name) or OUTSIDE.get(name)
            packet = self.rows.get(func.overloadpacket, built_in or FALLBACK)
            self.found[func] = self.rows.get(func, packet)
        return self.found[func]

    def _record(self, call: Call, row: Row, written: tuple[Tensor, ...]) -> None:
        call.rule, call.kind, call.gate = row.name, row.kind, row.gate
        formula, composite = self._composite(call, row)
        if composite is not None:
            call.rule, call.kind, call.gate = composite.rule, composite.kind, composite.gate
            adjoints = [composite.adjoint]
        else:
            answer = row.rule(call) if call.inputs else None
            adjoints = as_adjoints(answer, call) if call.inputs else []  # a rule may take them
        for place, tensor in enumerate(tensors(call.output)):
            self._require_plain(call, tensor)
            adjoint = adjoints[place] if place < len(adjoints) and is_signal(tensor) else None
            if adjoint is None and not tensor.numel():
                continue
            gate = max(_gate(call), formula.gate if formula else GateStrength.NONE)
            value = Value(tensor.shape, flows=adjoint is not None, gate=gate)
            if adjoint is not None:
                given = adjoint if composite else typed(adjoint, call, tensor)
                self._add_step(call, given, value, composite)
            if formula is not None and place == 0:
                self.composites.formulas.note(formula, value, tensor)
            self._place(call, tensor, value, written)

    def _place(self, call: Call, tensor: Tensor, value: Value, written: tuple[Tensor, ...]) -> None:
        """Note which value an output of a call holds."""
        in_place = any(tensor is changed for changed in written)
        self._note_detached(call, tensor, is_new=not in_place)
        moved = in_place and torch.Tag.inplace_view in getattr(call.function, "tags", ())
        (self.storages.write if in_place and not moved else self.storages.put)(tensor, value)

    def _require_plain(self, call: Call, output: Tensor) -> None:
        """Raise where a signal would have to pass a tensor of another layout, or quantised."""
        if not call.inputs or (is_strided(output) and not output.is_quantized):
            return
        form = "quantised" if output.is_quantized else str(output.layout)
        raise UnsupportedOperationError(
            f"{operation_name(call.function)} in {self.place} gives a {form} tensor, through which "
            "no signal goes back. Give the model in floating point, on plain tensors."
        )

    @property
    def place(self) -> str:
        """The module being run, as errors name it."""
        return (self.path and self.path[-1]) or "the model itself"

    def _note_detached(self, call: Call, tensor: Tensor, *, is_new: bool) -> None:
        has_own_backward = isinstance(call.function, FunctionMeta) and is_new
        if call.function is _DETACH or (has_own_backward and self.storages.read(tensor)):
            self.storages.detach(tensor)
        else:
            self.storages.inherit(tensor, call.given)

    def _composite(self, call: Call, row: Row) -> tuple[Formula | None, CompositeStep | None]:
        """The formula of what a call makes, and its step, where no rule was given for it."""
        name = operation_name(call.function)
        if not isinstance(call.function, OpOverload) or row is not TABLE.get(name, FALLBACK):
            return None, None
        return self.composites.find(call, name, self.path[-1] if self.path else "")

    def _add_step(
        self, call: Call, adjoint: Adjoint, value: Value, composite: CompositeStep | None
    ) -> None:
        found = (call.value(tensor) for tensor in call.inputs)
        inputs = tuple(found) if composite is None else (composite.origin,)
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


_DETACH = torch.ops.aten.detach.default
_BY_STORAGE = (torch.ops.aten.as_strided.default, torch.ops.aten.as_strided_.default)


def _gate(call: Call) -> GateStrength:
    """How surely the output of a call only scales others."""
    if isinstance(call.gate, GateStrength):
        return call.gate
    flowing = [value for value in call.sources if value.flows]
    weakest = min(value.gate for value in flowing or call.sources)
    keeps = call.gate is Inherited.ALL or weakest is GateStrength.ATTENTION
    return weakest if keeps else GateStrength.NONE


def _row_key(function: Any) -> Any:
    return type(function) if isinstance(function, nn.Module) else function
