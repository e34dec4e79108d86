"""One recorded forward pass.

What only a whole forward pass can tell of its operations.

Operations that must have a derivative: those that run without a rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.checks import check_initialised
from captum_deconvnet.engine.recorder.module_hooks import Arrived, watched
from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.recorder.tensor_hooks import Hooked
from captum_deconvnet.engine.recorder.torch_functions import FunctionRecorder
from captum_deconvnet.engine.repeated import check_repeated, decides
from captum_deconvnet.engine.rules.attention import keep_inner
from captum_deconvnet.engine.rules.autograd_functions import OwnBackward
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.filters import fold
from captum_deconvnet.engine.rules.norms import record_means
from captum_deconvnet.engine.rules.replay import Derived, Replay
from captum_deconvnet.engine.rules.table import TABLE
from captum_deconvnet.engine.steadiness import drew_since, generator_states
from captum_deconvnet.engine.tape.adjoint import Adjoint, Typed
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.errors import ModelError, UnsupportedOperationError


@dataclass(frozen=True)
class Forward:
    """What a recorded forward pass gave.

    Args:
        output: of the model.
        images: the inputs' values.
        check: warns of chance, and refuses a pass in which images decided for each other; the model
            may run again, so that nobody should look at its layers any more.
    """

    output: Any
    images: tuple[Value, ...]
    check: Callable[[], None]


def forward(
    model: nn.Module,
    inputs: Sequence[Tensor],
    additional: Sequence[Any],
    *,
    recorder: Recorder,
    entered: Arrived,
    left: Arrived,
    restored: Arrived = lambda path, module, item: None,
    began: Callable[[tuple[Value, ...]], None] = lambda images: None,
    shown: Collection[nn.Module] = (),
) -> Forward:
    """Run ``model`` once under ``recorder``, without autograd and without changing the inputs.

    ``entered``, ``left``, ``restored`` and ``shown`` are as for :func:`watched`; ``began`` gets the
    inputs' values first.

    Raises:
        ModelError: the model cannot run on the inputs.
    """
    check_initialised(model)
    copies = [tensor.detach().clone() for tensor in inputs]
    images = tuple(Value(tensor.shape, flows=is_signal(tensor)) for tensor in copies)
    for tensor, value in zip(copies, images, strict=True):
        recorder.storages.put(tensor, value)
    began(images)
    watch = watched(model, recorder, entered=entered, left=left, restored=restored, shown=shown)
    before = generator_states()
    try:
        with watch, torch.no_grad(), FunctionRecorder(recorder), recorder:
            output = model(*copies, *additional)
    except RuntimeError as error:
        if type(error) is not RuntimeError:
            raise
        raise _explained(error, inputs, recorder) from error
    check = partial(
        check_repeated,
        model,
        inputs,
        additional,
        output,
        drew=drew_since(before),
        decided=decides(recorder.found),
    )
    return Forward(output, images, check)


def _explained(error: RuntimeError, inputs: Sequence[Tensor], recorder: Recorder) -> ModelError:
    """A plain error of torch, with the module it came from and the input it was given."""
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
    module = recorder.path[-1] if recorder.path and recorder.path[-1] else "the model"
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"The model cannot run on input of shape {shapes}: in {module}: {reason}")


pass


def settle(tape: Tape, starts: Collection[Value], stops: Iterable[Value] = ()) -> None:
    """Make a tape ready for the way back.

    Args:
        tape: of a whole forward pass.
        starts: the values that signals start at; steps that none of them pass are forgotten.
        stops: the values that signals are read at.

    Raises:
        UnsupportedOperationError: for an operation without a derivative.
    """
    tape.prune(starts)
    record_means(tape)
    tape.prune(starts)  # of the way through the means
    check_derivatives(tape.steps)
    keep_inner(tape)
    fold(tape, [*starts, *stops])


def check_derivatives(steps: Iterable[Step]) -> None:
    """Raise for an operation whose derivative torch does not have, naming module and operation.

    Each is tried once with a signal of zeros: some say nothing and give zeros for any signal.
    """
    tried: set[tuple[str, str]] = set()
    for step in steps:
        place = (step.operation, step.module)
        adjoint = _inner(step.adjoint)
        if place in tried or not _is_unknown(step, adjoint):
            continue
        tried.add(place)
        if isinstance(adjoint, Replay | OwnBackward) and not adjoint.has_derivative():
            raise UnsupportedOperationError(
                f"{step.operation} in {step.module or 'the model itself'} has no derivative, and "
                "there is no rule for it. Give one with rules={...} or a plugin."
            )


def _is_unknown(step: Step, adjoint: Adjoint) -> bool:
    return isinstance(adjoint, Derived) or step.operation not in TABLE


def _inner(adjoint: Adjoint) -> Adjoint:
    return _inner(adjoint.adjoint) if isinstance(adjoint, Typed | Hooked) else adjoint
