"""One recorded forward pass of a model, with what one of its layers took or gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.checks import (
    check_inputs,
    check_output,
    check_projection,
    check_rules,
    warn_of_underflow,
)
from captum_deconvnet.engine.output import named_tensors
from captum_deconvnet.engine.recorder.forward_pass import forward, settle
from captum_deconvnet.engine.recorder.module_hooks import in_this_thread
from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.family import Family, family
from captum_deconvnet.engine.rules.rows import rows
from captum_deconvnet.engine.tape.adjoint import Kept
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import InferenceModeError, LayerError

Signals = Mapping[Value, Tensor]


class LayerView:
    """What a layer took, or gave, the last time it ran in the thread that looks.

    Args:
        layer: the module.
        at_input: look at what it takes.
        starts: let signals end at it, whether or not it depends on the input.
    """

    def __init__(self, layer: nn.Module, *, at_input: bool, starts: bool) -> None:
        """Nothing is seen yet."""
        self.layer, self.at_input, self.starts = layer, at_input, starts
        self.item: Any = None
        self._found: dict[str, tuple[Kept, Value | None]] | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors, by name."""
        if self._found is None:
            raise LayerError(
                f"The layer {type(self.layer).__name__} did not run in this forward pass."
            )
        return {name: kept.tensor for name, (kept, _) in self._found.items()}

    @property
    def values(self) -> dict[str, Value]:
        """The tensors that a signal can come to, by name, as the tape knows them."""
        found = (self._found or {}).items()
        return {name: value for name, (_, value) in found if value is not None and value.flows}

    @contextmanager
    def watching(self, recorder: Recorder) -> Iterator[None]:
        """Look at the layer after all hooks it has, in this thread alone."""

        def before(module: nn.Module, args: Any, kwargs: Any = None) -> None:
            numbered = {str(place): item for place, item in enumerate(args)}
            self._see(recorder, {**numbered, **(kwargs or {})})

        def after(module: nn.Module, args: Any, output: Any) -> None:
            self._see(recorder, output)

        handle = (
            self.layer.register_forward_pre_hook(in_this_thread(before), with_kwargs=True)
            if self.at_input
            else self.layer.register_forward_hook(in_this_thread(after))
        )
        try:
            yield
        finally:
            handle.remove()

    def _see(self, recorder: Recorder, item: Any) -> None:
        self.item, self._found = item, {}
        for name, tensor in named_tensors(item).items():
            value = recorder.storages.read(tensor)
            if self.starts and is_signal(tensor) and (value is None or not value.flows):
                value = Value(tensor.shape)
                recorder.storages.put(tensor, value)
            self._found[name] = (recorder.storages.keep(tensor), value)


@dataclass(frozen=True)
class RecordedPass:
    """A model run once, without autograd, and the way back through it.

    Args:
        model: the model.
        recorder: what recorded it.
        images: the inputs, as the tape knows them.
        output: what the model gave.
        strict: raise where an operation on the way has no rule.
    """

    model: nn.Module
    recorder: Recorder
    images: tuple[Value, ...]
    output: Any
    strict: bool

    def back(self, signals: Signals, stops: Sequence[Value]) -> list[Tensor]:
        """The signals taken back to ``stops``, a tensor each; zero where nothing arrived."""
        tape = self.recorder.tape
        settle(tape, signals, stops)
        if self.strict:
            check_rules(tape.steps)
        like = next(iter(signals.values()))

        with torch.no_grad():
            answers = self._walk(signals, stops, like)
            check_projection(self.model, answers)
            if len(signals) == 1 and like.numel():
                (value,) = signals
                warn_of_underflow(
                    like, answers, lambda seed: self._walk({value: seed}, stops, like)
                )
        return answers

    def receipt(self, signals: Signals, stops: Sequence[Value]) -> Receipt:
        """Which rules ran for the operations that ``signals`` passed on the way to ``stops``."""
        return Receipt.of(self.recorder.tape.passed(signals, stops))

    def _walk(self, signals: Signals, stops: Sequence[Value], like: Tensor) -> list[Tensor]:
        arrived = self.recorder.tape.walk(signals, stops)
        return [arrived.get(stop, like.new_zeros(stop.shape)) for stop in stops]


def run(
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    additional: tuple[Any, ...],
    *,
    relu: str | Family,
    rules: Mapping[Any, Any] | None,
    strict: bool,
    view: LayerView | None = None,
) -> RecordedPass:
    """Run ``model`` once under a recorder, and look at a layer of it.

    Inputs of whole numbers are taken if signals end at a layer: ids that are embedded.

    Raises:
        ModelError: the model cannot run on the inputs.
        NonFiniteError: inputs, weights or outputs are NaN or infinite.
    """
    if torch.is_inference_mode_enabled():
        raise InferenceModeError("Leave torch.inference_mode to project (torch.no_grad is fine).")
    ends_at_layer = view is not None and view.starts
    check_inputs([one for one in inputs if is_signal(one) or not ends_at_layer])
    kind = family(relu)
    recorder = Recorder(rows(rules, kind), kind)
    with view.watching(recorder) if view else nullcontext():
        ran = forward(
            model,
            inputs,
            additional,
            recorder=recorder,
            entered=lambda path, module, args: None,
            left=lambda path, module, output: None,
        )
    ran.check()
    check_output(model, list(named_tensors(ran.output).values()))
    return RecordedPass(model, recorder, ran.images, ran.output, strict)
