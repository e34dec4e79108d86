"""``DeconvNet``: the projection of a model's output to its input, as a Captum attribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.captum_compat import (
    GradientAttribution,
    Synchronous,
    TargetType,
    TensorOrTupleOfTensorsGeneric,
    compute_gradients,
    format_additional_forward_args,
    format_output,
    hooked_by_captum,
    is_tuple,
    log_usage,
)
from captum_deconvnet.attribution.layer_view import LayerView
from captum_deconvnet.attribution.projected_forward import ProjectedForward
from captum_deconvnet.attribution.selection import target_signal
from captum_deconvnet.engine.checks import check_dependence, check_output, require_module
from captum_deconvnet.engine.output import OutputName, named_tensors, select_output
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.family import Family, family
from captum_deconvnet.engine.session import RecordingSession, prepare
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import InputError
from captum_deconvnet.short_repr import named_repr


class DeconvNet(Synchronous, GradientAttribution):  # type: ignore[misc]
    r"""The deconvnet projection of a model's output (Zeiler & Fergus 2014, section 2.1).

    Drop-in for :class:`captum.attr.Deconvolution`, right for every spelling of ReLU and for every
    operation that has a rule; see :func:`captum_deconvnet.record` for the rules. Neither the
    model nor the input is touched.

    Args:
        model: any conv net, in eval mode if it has batch norms.
        relu: how rectifiers pass the signal: ``"deconvnet"``, ``"guided"``, ``"gradient"``,
            ``"adjoint"``, or a :class:`captum_deconvnet.Family`.
        rules: rules of your own, by aten operation, torch function or module class.
        strict: raise if an operation without a rule lies on the way to the input.
        output: which tensor of the model's output, by key, attribute or index, if it gives several.

    Attributes:
        receipt: which rules ran in the last call of :meth:`attribute`, a
            :class:`captum_deconvnet.Receipt`; ``None`` before the first. If several threads share
            this object it is that of the call that ended last: give each thread an object of its
            own to tell them apart.

    Raises:
        NotAModuleError: if ``model`` is not a module; it is an AssertionError, as Captum has it.
        UnknownNameError: for an unknown ``relu``.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        relu: str | Family = "deconvnet",
        rules: Mapping[Any, Any] | None = None,
        strict: bool = False,
        output: OutputName | None = None,
    ) -> None:
        """Attribute to the inputs of ``model``."""
        GradientAttribution.__init__(self, model)
        require_module(model)
        self.model = model
        self.relu, self.rules, self.strict = family(relu), rules, strict
        self.output = output
        self.receipt: Receipt | None = None

    def __repr__(self) -> str:
        """The model and the rules of the projection."""
        return named_repr(self, self.model, relu=self.relu, strict=self.strict)

    @log_usage(part_of_slo=True)  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: TensorOrTupleOfTensorsGeneric,
        target: TargetType = None,
        additional_forward_args: Any = None,
    ) -> TensorOrTupleOfTensorsGeneric:
        r"""Project one output of each example to the input, with seed 1 as Captum has it.

        Args:
            inputs: a batch (N, C, H, W), or a tuple of inputs with N first.
            target: which output: None for a model with one output an example, an int, a tensor,
                a tuple, or a list of these, one an example.
            additional_forward_args: further arguments of the model, one or a tuple.

        Returns:
            The projection, of the shape and form of ``inputs``; signed.

        Raises:
            TargetError: for a target that is missing or does not exist; it is an AssertionError
                and an IndexError, as Captum has them.
            InputError: for inputs that are no tensors; it is an AssertionError, as Captum has it.
            OutputChoiceError: for a model that gives several tensors, none of them chosen.
            TrainModeError: for a batch norm in train mode, naming it.
            InferenceModeError: under ``torch.inference_mode``.
            NonFiniteError: for NaN or infinite inputs or weights.
            UnsupportedOperationError: with ``strict``, naming module and operation.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(),
            ...                           torch.nn.Flatten(), torch.nn.Linear(8 * 36, 5)).eval()
            >>> cdn.DeconvNet(net).attribute(torch.rand(2, 3, 8, 8), target=[0, 4]).shape
            torch.Size([2, 3, 8, 8])
        """
        given = as_tensors(inputs)
        if self.gradient_func is not compute_gradients:  # a class of Captum's holds this one
            gradients = self._by_captum(given, target, additional_forward_args)
            return format_output(is_tuple(inputs), gradients)
        if not len(given[0]):
            self.receipt = Receipt(())
            return format_output(is_tuple(inputs), tuple(map(torch.zeros_like, given)))
        session = self.record(given, additional_forward_args)
        found = self.take_back(session, self.signals(session, target), session.images)
        return format_output(is_tuple(inputs), tuple(found))

    def record(
        self, inputs: tuple[Tensor, ...], additional: Any, view: LayerView | None = None
    ) -> RecordingSession:
        """Run the model once, recorded, and look at a layer of it.

        Inputs of whole numbers are taken if signals end at the layer: ids that are embedded.

        Args:
            inputs: the inputs, each with N first.
            additional: further arguments of the model, one or a tuple.
            view: of the layer to look at, if there is one.
        """
        session = RecordingSession(self.model, relu=self.relu, rules=self.rules, strict=self.strict)
        further = format_additional_forward_args(additional) or ()
        ends_at_layer = view is not None and view.starts
        with view.hooked(session.recorder) if view else nullcontext():
            output = session.run(inputs, further, takes_integers=ends_at_layer)
        session.check_consistency()
        check_output(self.model, list(named_tensors(output).values()))
        return session

    def take_back(
        self, session: RecordingSession, signals: dict[Value, Tensor], stops: Sequence[Value]
    ) -> list[Tensor]:
        """Take the signals back, and keep the receipt.

        Args:
            session: the recorded pass.
            signals: the signal at each value that one starts from.
            stops: the values to which they are taken.
        """
        prepare(session.recorder.tape, signals, stops)
        found = session.take_back(signals, stops)
        self.receipt = session.receipt
        return found

    def signals(self, session: RecordingSession, target: TargetType) -> dict[Value, Tensor]:
        """The signal of ``target`` at the model's output.

        Args:
            session: the recorded pass.
            target: which output, as for :meth:`attribute`.

        Raises:
            TargetError: for a target that is missing or does not exist.
        """
        name = f"The model {type(self.model).__name__}"
        chosen = select_output(session.output, self.output, name)
        signal = target_signal(chosen, target)
        value = session.value_of(chosen)
        check_dependence(value is not None and value.flows)
        assert value is not None
        return {value: signal}

    def _by_captum(self, given: tuple[Tensor, ...], target: TargetType, additional: Any) -> Any:
        """By a gradient function of Captum's, whose gradients are made projections."""
        leaves = tuple(_leaf(tensor) for tensor in given)
        tied = partial(hooked_by_captum, self.model)
        forward = ProjectedForward(
            self.model, len(leaves), tied, self.relu, self.rules, self.strict
        )
        gradients = self.gradient_func(forward, leaves, target, additional)
        self.receipt = forward.receipt
        return gradients


def as_tensors(inputs: Any) -> tuple[Tensor, ...]:
    """The inputs as a tuple.

    Raises:
        InputError: for what is no tensor.
    """
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    for tensor in given:
        if not isinstance(tensor, Tensor):
            raise InputError(
                f"The inputs hold a {type(tensor).__name__}; give a tensor (N, C, H, W), or a "
                "tuple of tensors."
            )
    return given


def _leaf(tensor: Tensor) -> Tensor:
    own = tensor.clone() if tensor.is_inference() else tensor.detach()
    return own.requires_grad_() if is_signal(tensor) else tensor
