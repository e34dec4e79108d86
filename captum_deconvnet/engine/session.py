"""A recording session: one forward pass under the recorder, then any number of backward passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.backward import BackwardPass
from captum_deconvnet.engine.checks import check_initialised, check_inputs
from captum_deconvnet.engine.consistency import (
    check_consistency,
    decides,
    drew_since,
    generator_states,
)
from captum_deconvnet.engine.recorder.module_hooks import ModuleListener, hooked
from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.recorder.tensor_hooks import Hooked
from captum_deconvnet.engine.recorder.torch_functions import FunctionRecorder
from captum_deconvnet.engine.rules.attention import StrippedSoftmax, derive_inner_softmax
from captum_deconvnet.engine.rules.autograd_functions import OwnBackward
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.family import Family, family
from captum_deconvnet.engine.rules.filters import fold_gains
from captum_deconvnet.engine.rules.linear import Scale
from captum_deconvnet.engine.rules.norms import ByStatistic, record_means
from captum_deconvnet.engine.rules.replay import AutogradReplay, Replay
from captum_deconvnet.engine.rules.table import TABLE
from captum_deconvnet.engine.rules.user_rules import rows
from captum_deconvnet.engine.tape.adjoint import Adjoint, Typed
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.errors import ModelError, UnsupportedOperationError


class RecordingSession:
    """Runs a model forward once under a recorder, and signals backward through the tape.

    Args:
        model: the model.
        relu: how rectifiers pass the signal.
        rules: rules of the user's own.
        strict: refuse a backward pass through an operation that has no rule.

    Attributes:
        recorder: which value each tensor holds, and the tape.
        images: the inputs, as the tape knows them.
        output: what the model gave.
        backward: the backward pass; it notes the versions of the weights.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        relu: str | Family,
        rules: Mapping[Any, Any] | None,
        strict: bool,
    ) -> None:
        """Nothing is recorded yet."""
        kind = family(relu)
        self.model, self.strict = model, strict
        self.recorder = Recorder(rows(rules, kind), kind)
        self.images: tuple[Value, ...] = ()
        self.backward = BackwardPass(model, self.recorder.tape, strict=strict)
        self.output: Any = None
        self._passed: set[Step] = set()

    def run(
        self,
        inputs: Sequence[Tensor],
        additional: Sequence[Any],
        listener: ModuleListener | None = None,
        *,
        takes_integers: bool = False,
    ) -> Any:
        """The model's output, run without autograd and without changing the inputs.

        Args:
            inputs: the inputs.
            additional: further arguments of the model.
            listener: is told when modules run.
            takes_integers: take inputs that no signal can arrive at as well: ids that are embedded.

        Raises:
            ModelError: the model cannot run on the inputs.
            NonFiniteError: an input holds NaN or infinity.
        """
        check_inputs([one for one in inputs if not takes_integers or is_signal(one)])
        check_initialised(self.model)
        copies = [tensor.detach().clone() for tensor in inputs]
        self.images = tuple(Value(tensor.shape, flows=is_signal(tensor)) for tensor in copies)
        for tensor, value in zip(copies, self.images, strict=True):
            self.recorder.storages.put(tensor, value)
        self._given, self._before = (inputs, additional), generator_states()
        hooks = hooked(self.model, self.recorder, listener or ModuleListener())
        try:
            with hooks, torch.no_grad(), FunctionRecorder(self.recorder), self.recorder:
                self.output = self.model(*copies, *additional)
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            raise _explained(error, inputs, self.recorder) from error
        self._drew = drew_since(self._before)
        self.backward.note_weights()
        return self.output

    def check_consistency(self) -> None:
        """Warn of chance, and refuse a pass in which images decided for each other.

        The model may run again, so that nobody should look at its layers any more.
        """
        decided = decides(self.recorder.found)
        check_consistency(self.model, *self._given, self.output, drew=self._drew, decided=decided)

    def value_of(self, tensor: Tensor) -> Value | None:
        """What the tape knows a tensor of the forward pass as, if it depends on the inputs."""
        return self.recorder.storages.read(tensor)

    def take_back(self, signals: Mapping[Value, Tensor], stops: Sequence[Value]) -> list[Tensor]:
        """The signals taken back to ``stops``, a tensor each; zero where nothing arrived."""
        answers = self.backward.run(signals, stops)
        self._passed.update(self.recorder.tape.passed(signals, stops))
        return answers

    @property
    def receipt(self) -> Receipt:
        """Which rules ran for the operations that signals were taken back through so far."""
        return Receipt.of(step for step in self.recorder.tape.steps if step in self._passed)


def _explained(error: RuntimeError, inputs: Sequence[Tensor], recorder: Recorder) -> ModelError:
    """A plain error of torch, with the module it came from and the input it was given."""
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
    module = recorder.path[-1] if recorder.path and recorder.path[-1] else "the model"
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"The model cannot run on input of shape {shapes}: in {module}: {reason}")


def prepare(tape: Tape, starts: Collection[Value], stops: Iterable[Value] = ()) -> None:
    """Make a tape ready for backward passes.

    What only a whole forward pass can tell is told here: which means belong to a norm, whether a
    softmax is the end of the model, and which gains can be folded into a filter.

    Args:
        tape: of a whole forward pass.
        starts: the values that signals start at; steps that none of them pass are forgotten.
        stops: the values that signals are read at.

    Raises:
        UnsupportedOperationError: for an operation without a derivative.
    """
    tape.prune(starts)
    if _has(tape, ByStatistic):
        record_means(tape)
        tape.prune(starts)  # of the steps to the means
    check_derivatives(tape.steps)
    if _has(tape, StrippedSoftmax):
        derive_inner_softmax(tape)
    if _has(tape, Scale):
        fold_gains(tape, [*starts, *stops])


def _has(tape: Tape, kind: type[Adjoint]) -> bool:
    return any(isinstance(step.adjoint, kind) for step in tape.steps)


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
    return isinstance(adjoint, AutogradReplay) or step.operation not in TABLE


def _inner(adjoint: Adjoint) -> Adjoint:
    return _inner(adjoint.adjoint) if isinstance(adjoint, Typed | Hooked) else adjoint
