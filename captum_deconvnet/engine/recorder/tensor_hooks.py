"""What a model does with the gradients of its own activations while it runs.

The model runs without autograd, so that these methods of tensors would raise. A hook is put on the
tape instead: it gets the signal, as autograd would give it the gradient, and may change it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.rules.linear import Reshape
from captum_deconvnet.engine.rules.replay import one_by_one
from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.reach import pointwise
from captum_deconvnet.engine.tape.tape import Step, Value
from captum_deconvnet.errors import UnsupportedOperationError

Hook = Callable[[Tensor], Tensor | None]


@dataclass(eq=False)
class Hooked(Adjoint):
    """An adjoint before which the hooks on the operation's output see the signal."""

    adjoint: Adjoint
    hooks: dict[int, Hook]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The adjoint of what the hooks make of the signal, one signal at a time."""
        (shown,) = one_by_one(self._show, signal) if self.hooks else (signal,)
        assert shown is not None
        return self.adjoint(shown)

    def kept(self) -> Iterator[Tensor]:
        """What the operation's adjoint holds."""
        return self.adjoint.kept()

    def _show(self, signal: Tensor) -> tuple[Tensor]:
        for hook in tuple(self.hooks.values()):
            answer = hook(signal)
            signal = signal if answer is None else answer
        return (signal,)


def register_hook(recorder: Recorder, tensor: Tensor, hook: Hook) -> RemovableHandle:
    """Show ``hook`` the signals that arrive at an activation."""
    value = recorder.storages.read(tensor)
    assert value is not None
    recorder.composites.formulas.forget(value)  # the hook must see the signal here
    step = next((step for step in reversed(recorder.tape.steps) if step.output is value), None)
    if step is None:
        step = _identity(recorder, tensor, value)
    if not isinstance(step.adjoint, Hooked):
        step.adjoint = Hooked(step.adjoint.reaches, step.adjoint, OrderedDict())
    handle = RemovableHandle(step.adjoint.hooks)
    step.adjoint.hooks[handle.id] = hook  # after those that are there, as autograd has it
    return handle


def _identity(recorder: Recorder, tensor: Tensor, value: Value) -> Step:
    """A step from an input of the model to itself."""
    own = Value(value.shape)
    adjoint = Reshape((pointwise(value.shape),), value.shape)
    step = Step((value,), own, adjoint, recorder.place, "hook", "adjoint", "adjoint")
    recorder.tape.steps.append(step)
    recorder.storages.put(tensor, own)
    return step


def retain_nothing(recorder: Recorder, tensor: Tensor, *hook: Any) -> RemovableHandle | None:
    """No gradient is accumulated in a backward pass of signals."""
    return RemovableHandle({}) if hook else None


def refuse_gradients(recorder: Recorder, *given: Any, **named: Any) -> None:
    """Raise: what a model's own gradients depend on cannot be followed."""
    raise UnsupportedOperationError(
        f"The model takes gradients in its forward pass (in {recorder.place}): what depends on "
        "them cannot be projected. Give the part of the model before them."
    )


INSTEAD: dict[Any, Callable[..., Any]] = {
    Tensor.register_hook: register_hook,
    Tensor.retain_grad: retain_nothing,
    Tensor.register_post_accumulate_grad_hook: retain_nothing,
    Tensor.backward: refuse_gradients,
    torch.autograd.backward: refuse_gradients,
    torch.autograd.grad: refuse_gradients,
}
"""What runs instead of a function of torch when it is called on activations."""
