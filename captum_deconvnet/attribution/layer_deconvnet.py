"""``LayerDeconvNet``: the projection of the output to a hidden layer, as a Captum attribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from captum_deconvnet.attribution.captum_compat import (
    GradientAttribution,
    InternalAttribution,
    LayerAttribution,
    Synchronous,
    TargetType,
    TensorOrTupleOfTensorsGeneric,
    format_output,
    log_usage,
)
from captum_deconvnet.attribution.deconvnet import DeconvNet, as_tensors
from captum_deconvnet.attribution.layer_view import LayerView
from captum_deconvnet.engine.layers import layer_path
from captum_deconvnet.engine.output import OutputName
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.errors import LayerError
from captum_deconvnet.short_repr import named_repr


class HiddenLayerDeconvNet(Synchronous):
    """What projections to and from a hidden layer share.

    Attributes:
        layer: the module.
        deconv: the projection of the whole model.
    """

    layer: nn.Module
    deconv: DeconvNet

    def _hold(
        self, deconv: DeconvNet, layer: nn.Module | str, device_ids: list[int] | None
    ) -> None:
        """Set up as Captum's classes of layers and neurons are."""
        InternalAttribution.__init__(
            self, deconv.model, layer_module(deconv.model, layer), device_ids
        )
        GradientAttribution.__init__(self, deconv.model)
        self.deconv = deconv

    def __repr__(self) -> str:
        """The projection and the layer."""
        return named_repr(self, self.deconv, layer=layer_path(self.deconv.model, self.layer))

    @property
    def receipt(self) -> Receipt | None:
        """Which rules ran in the last call, as :attr:`DeconvNet.receipt`; None before the first."""
        return self.deconv.receipt


class LayerDeconvNet(HiddenLayerDeconvNet, LayerAttribution, GradientAttribution):  # type: ignore[misc]
    r"""The deconvnet projection of a model's output, stopped at a hidden layer.

    Captum has no such class; it follows the conventions of :class:`captum.attr.LayerGradCam`.

    Args:
        model: any conv net, in eval mode if it has batch norms.
        layer: the module to stop at, or its path.
        device_ids: the devices of a DataParallel model, in order.
        relu: as for :class:`DeconvNet`.
        rules: as for :class:`DeconvNet`.
        strict: as for :class:`DeconvNet`.
        output: as for :class:`DeconvNet`.

    Raises:
        NotAModuleError: if ``model`` is not a module; it is an AssertionError, as Captum has it.
        UnknownLayerError: for a layer that is not in the model, with near names.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: nn.Module | str,
        device_ids: list[int] | None = None,
        *,
        relu: str | Family = "deconvnet",
        rules: Mapping[Any, Any] | None = None,
        strict: bool = False,
        output: OutputName | None = None,
    ) -> None:
        """Attribute the output of ``model`` to ``layer``."""
        deconv = DeconvNet(model, relu=relu, rules=rules, strict=strict, output=output)
        self._hold(deconv, layer, device_ids)

    @log_usage(part_of_slo=True)  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: TensorOrTupleOfTensorsGeneric,
        target: TargetType = None,
        additional_forward_args: Any = None,
        attribute_to_layer_input: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        r"""Project one output of each example to the layer, with seed 1.

        Args:
            inputs: a batch (N, C, H, W), or a tuple of inputs with N first.
            target: which output, in all forms that :meth:`DeconvNet.attribute` takes.
            additional_forward_args: further arguments of the model, one or a tuple.
            attribute_to_layer_input: stop at the layer's input instead of its output.

        Returns:
            The signal at the layer, of the shape of its output (or input); a tuple if the layer
            gives several tensors.

        Raises:
            TargetError: for a target that is missing or does not exist; it is an AssertionError
                and an IndexError, as Captum has them.
            LayerError: for a layer that did not run.
            TrainModeError: for a batch norm in train mode, naming it.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(),
            ...                           torch.nn.Flatten(), torch.nn.Linear(8 * 36, 5)).eval()
            >>> cdn.LayerDeconvNet(net, "1").attribute(torch.rand(2, 3, 8, 8), target=3).shape
            torch.Size([2, 8, 6, 6])
        """
        view = LayerView(self.layer, at_input=attribute_to_layer_input, starts=True)
        session = self.deconv.record(as_tensors(inputs), additional_forward_args, view)
        if not any(is_signal(tensor) for tensor in view.tensors.values()):
            raise LayerError("The layer has no floating tensor here: no signal arrives at it.")
        starts, stops = self.deconv.signals(session, target), list(view.values.values())
        signals = self.deconv.take_back(session, starts, stops)
        answer: Tensor | tuple[Tensor, ...] = format_output(len(signals) > 1, tuple(signals))
        return answer


def layer_module(model: nn.Module, layer: nn.Module | str) -> nn.Module:
    """The module that ``layer`` names.

    Raises:
        UnknownNameError: for a path that is not in the model, with near names.
        LayerError: for what is no module of the model, or is scripted.
    """
    found: nn.Module = dict(model.named_modules())[layer_path(model, layer)]
    return found
