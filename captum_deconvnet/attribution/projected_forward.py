"""A forward function whose gradients are projections.

Captum's machinery (target selection, neuron and layer gradients, noise tunnels) asks autograd
for gradients. Here the model runs once under the recorder, without autograd; its output, and the
input and output of the one layer that Captum looks at, are then tied to the inputs by one autograd
node each, whose backward walks the tape. A tied layer cuts the tape in two, so that nothing
else is tied: signals that meet must meet before they are rectified.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from captum_deconvnet.engine.checks import check_dependence, check_output
from captum_deconvnet.engine.recorder.module_hooks import ModuleListener
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.session import RecordingSession, prepare
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Value


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
        session: the last forward pass.
    """

    model: nn.Module
    count: int
    tied: Callable[[], Collection[nn.Module]] = frozenset
    relu: str | Family = "deconvnet"
    rules: Mapping[Any, Any] | None = None
    strict: bool = False
    session: RecordingSession | None = None

    def __call__(self, *args: Any) -> Any:
        """The model's output, tied to the inputs."""
        inputs, additional = args[: self.count], args[self.count :]
        session = RecordingSession(self.model, relu=self.relu, rules=self.rules, strict=self.strict)
        self.session, ties = session, Ties(session, inputs, self.tied())
        output = session.run(inputs, additional, ties)
        if not ties.exposed:  # Captum would see the modules that it looks at run again
            session.check_consistency()
        check_output(self.model, output)
        tied = ties.tie(output)
        check_dependence(bool(ties.tied))
        prepare(session.recorder.tape, ties.tied, ties.ends)
        return tied

    @property
    def receipt(self) -> Receipt:
        """Which rules ran for what the last forward pass gave; empty before it."""
        return Receipt(()) if self.session is None else self.session.receipt


class Ties(ModuleListener):
    """The tensors of one forward pass that are tied into autograd.

    Attributes:
        exposed: the modules that Captum looks at.
        ends: tied values, with the tensor that stands for each in autograd, the last one if a
            value was tied more than once.
        tied: every value that a projection can start from.
    """

    def __init__(
        self,
        session: RecordingSession,
        inputs: Sequence[Tensor],
        exposed: Collection[nn.Module],
    ) -> None:
        """The inputs are the first ends."""
        self.session, self.inputs, self.exposed = session, inputs, exposed
        self.tied: list[Value] = []
        self._plain: list[Any] = []

    @cached_property
    def ends(self) -> dict[Value, Tensor]:
        """The inputs, and what was tied so far."""
        given = zip(self.session.images, self.inputs, strict=True)
        return {value: tensor for value, tensor in given if value.flows}

    def entered(self, path: str, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """Tie the input of a module, if Captum looks at that module."""
        return self._show(module, args)

    def left(self, path: str, module: nn.Module, output: Any) -> Any:
        """Tie the output of a module, if Captum looks at that module."""
        return self._show(module, output)

    def restored(self, path: str, module: nn.Module, item: Any) -> Any:
        """Let the model go on with its own tensors after Captum has looked."""
        torch.set_grad_enabled(False)
        return self._plain.pop()

    def tie(self, item: Any) -> Any:
        """``item`` with each of its tensors tied to the ends there are."""
        return tree_map(self._tie_one, item)

    def _show(self, module: nn.Module, item: Any) -> Any:
        if module not in self.exposed:
            return None
        self._plain.append(item)
        tied = self.tie(item)
        torch.set_grad_enabled(True)  # for what Captum's hook does; `restored` turns it off
        return tied

    def _tie_one(self, tensor: Any) -> Any:
        value = self.session.value_of(tensor) if isinstance(tensor, Tensor) else None
        if value is None or not value.flows or not is_signal(tensor):
            return tensor
        recorder, stops = self.session.recorder, list(self.ends)
        back = partial(_take_back, self.session, value, stops)
        with torch.enable_grad(), recorder.hidden():
            tied: Tensor = Tie.apply(back, tensor, *self.ends.values())
        self.ends[value] = tied
        recorder.composites.formulas.forget(value)
        self.tied.append(value)
        return tied


def _take_back(
    session: RecordingSession, value: Value, stops: Sequence[Value], signal: Tensor
) -> list[Tensor]:
    """The projection of ``signal`` at each stop."""
    return session.take_back({value: signal}, stops)


class Tie(torch.autograd.Function):
    """One node of autograd that stands for a stretch of the tape."""

    @staticmethod
    def forward(ctx: Any, back: Callable[..., Any], tensor: Tensor, *ends: Tensor) -> Tensor:
        """The tensor, as a function of the ends."""
        ctx.back = back
        ctx.kinds = [(end.dtype, end.device) for end in ends]
        return tensor.clone()

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Any:
        """The projection of the signal to the ends."""
        pairs = zip(ctx.back(signals[0]), ctx.kinds, strict=True)
        return (None, None, *(part.to(device, dtype) for part, (dtype, device) in pairs))
