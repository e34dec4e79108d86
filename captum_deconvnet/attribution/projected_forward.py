"""A forward function whose gradients are projections.

Captum's machinery (target selection, neuron and layer gradients, noise tunnels) asks autograd
for gradients. Here the model runs once under the recorder, without autograd; its output, and the
input and output of the one layer that Captum looks at, are then tied to the inputs by one autograd
node each, whose backward walks the tape. A tied layer cuts the tape in two, so that nothing
else is tied: signals that meet must meet before they are rectified.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from captum_deconvnet.engine.checks import (
    check_dependence,
    check_inputs,
    check_output,
    check_projection,
    check_rules,
    warn_of_underflow,
)
from captum_deconvnet.engine.recorder.forward_pass import forward, settle
from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.family import Family, family
from captum_deconvnet.engine.rules.rows import rows
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Step, Tape, Value


@dataclass
class ProjectedForward:
    """Runs ``model`` so that gradients through the result are projections.

    Args:
        model: the model.
        count: how many of the positional arguments are inputs to be attributed to.
        tied: called when the forward pass begins, tells which modules to tie.
        relu: how rectifiers pass the signal.
        rules: rules of the user's own.
        strict: raise where an operation has no rule.

    Attributes:
        receipt: which rules ran on the way back of the last forward pass; empty before it.
    """

    model: nn.Module
    count: int
    tied: Callable[[], Collection[nn.Module]] = frozenset
    relu: str | Family = "deconvnet"
    rules: Mapping[Any, Any] | None = None
    strict: bool = False
    receipt: Receipt = field(default_factory=lambda: Receipt(()))

    def __call__(self, *args: Any) -> Any:
        """The model's output, tied to the inputs."""
        inputs, additional = args[: self.count], args[self.count :]
        check_inputs(inputs)
        kind = family(self.relu)
        recorder = Recorder(rows(self.rules, kind), kind)
        ties = Ties(self.model, recorder, inputs, self.strict, self.tied(), self.note)
        ran = forward(
            self.model,
            inputs,
            additional,
            recorder=ties.recorder,
            entered=ties.input_of,
            left=ties.output_of,
            restored=ties.untied,
            began=ties.begin,
            shown=ties.modules,
        )
        if not ties.modules:  # Captum would see the modules that it looks at run again
            ran.check()
        check_output(self.model, ran.output)
        output = ties.tie(ran.output)
        check_dependence(bool(ties.tied))
        settle(recorder.tape, ties.tied, ties.ends)
        return output

    def note(self, tape: Tape, passed: Collection[Step]) -> None:
        """Keep the receipt of all that signals have passed so far on this tape."""
        self.receipt = Receipt.of(step for step in tape.steps if step in passed)


@dataclass
class Ties:
    """The tensors of one forward pass that are tied into autograd.

    Attributes:
        passed: the steps that signals have passed.
        ends: tied values, with the tensor that stands for each in autograd, the last one if a
            value was tied more than once.
        tied: every value that a projection can start from.
    """

    model: nn.Module
    recorder: Recorder
    inputs: tuple[Tensor, ...]
    strict: bool
    modules: Collection[nn.Module]
    note: Callable[[Tape, Collection[Step]], None]
    passed: set[Step] = field(default_factory=set)
    ends: dict[Value, Tensor] = field(default_factory=dict)
    tied: list[Value] = field(default_factory=list)
    _plain: list[Any] = field(default_factory=list)

    def begin(self, images: tuple[Value, ...]) -> None:
        """The inputs are the first ends."""
        given = zip(images, self.inputs, strict=True)
        self.ends = {value: tensor for value, tensor in given if value.flows}

    def input_of(self, path: str, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """Tie the input of a module, if Captum looks at that module."""
        return self._show(module, args)

    def output_of(self, path: str, module: nn.Module, output: Any) -> Any:
        """Tie the output of a module, if Captum looks at that module."""
        return self._show(module, output)

    def untied(self, path: str, module: nn.Module, item: Any) -> Any:
        """Let the model go on with its own tensors after Captum has looked."""
        torch.set_grad_enabled(False)
        return self._plain.pop()

    def tie(self, item: Any) -> Any:
        """``item`` with each of its tensors tied to the ends there are."""
        return tree_map(self._tie_one, item)

    def _show(self, module: nn.Module, item: Any) -> Any:
        if module not in self.modules:
            return None
        self._plain.append(item)
        tied = self.tie(item)
        torch.set_grad_enabled(True)  # for what Captum's hook does; `untied` turns it off
        return tied

    def _tie_one(self, tensor: Any) -> Any:
        value = self.recorder.storages.read(tensor) if isinstance(tensor, Tensor) else None
        if value is None or not value.flows or not is_signal(tensor):
            return tensor
        tape = self.recorder.tape
        back = Back(self.model, tape, value, list(self.ends), self.strict, self._pass)
        with torch.enable_grad(), self.recorder.hidden():
            tied: Tensor = Tie.apply(back, tensor, *self.ends.values())
        self.ends[value] = tied
        self.recorder.spelling.formulas.forget(value)
        self.tied.append(value)
        return tied

    def _pass(self, value: Value, ends: Collection[Value]) -> None:
        """A signal goes from ``value`` to ``ends``."""
        self.passed.update(self.recorder.tape.passed({value}, ends))
        self.note(self.recorder.tape, self.passed)


@dataclass(frozen=True)
class Back:
    """The way back from one value to the ends before it."""

    model: nn.Module
    tape: Tape
    value: Value
    ends: list[Value]
    strict: bool
    went: Callable[[Value, Collection[Value]], None]

    def __call__(self, signal: Tensor) -> list[Tensor | None]:
        """The projection of ``signal`` at each end."""
        if self.strict:
            check_rules(self.tape.between(self.value))
        with torch.no_grad():
            arrived = self._arrived(signal)
            check_projection(self.model, list(arrived.values()))
            warn_of_underflow(
                signal, [*arrived.values()], lambda seed: [*self._arrived(seed).values()]
            )
        self.went(self.value, self.ends)
        return [arrived.get(end) for end in self.ends]

    def _arrived(self, signal: Tensor) -> dict[Value, Tensor]:
        return self.tape.walk({self.value: signal}, self.ends)


class Tie(torch.autograd.Function):
    """One node of autograd that stands for a stretch of the tape."""

    @staticmethod
    def forward(ctx: Any, back: Callable[..., Any], tensor: Tensor, *ends: Tensor) -> Tensor:
        """The tensor, as a function of the ends."""
        ctx.back = back
        ctx.shapes = [(end.shape, end.dtype, end.device) for end in ends]
        return tensor.clone()

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Any:
        """The projection of the signal to the ends."""
        parts = ctx.back(signals[0])
        filled = [
            torch.zeros(shape, dtype=dtype, device=device) if part is None else part
            for part, (shape, dtype, device) in zip(parts, ctx.shapes, strict=True)
        ]
        return (None, None, *filled)
