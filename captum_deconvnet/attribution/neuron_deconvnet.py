"""``NeuronDeconvNet``: the projection of a hidden neuron to the input, as a Captum attribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.captum_compat import (
    GradientAttribution,
    NeuronAttribution,
    SliceIntType,
    TensorOrTupleOfTensorsGeneric,
    format_output,
    is_tuple,
    log_usage,
)
from captum_deconvnet.attribution.deconvnet import DeconvNet, as_tensors
from captum_deconvnet.attribution.layer_deconvnet import HiddenLayerDeconvNet
from captum_deconvnet.attribution.layer_view import LayerView
from captum_deconvnet.attribution.selection import neuron_signals
from captum_deconvnet.engine.layers import layer_path
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import LayerError

NeuronSelector = int | tuple[int | SliceIntType, ...] | Callable[..., Tensor]


class NeuronDeconvNet(HiddenLayerDeconvNet, NeuronAttribution, GradientAttribution):  # type: ignore[misc]
    r"""The deconvnet projection of one neuron (Zeiler & Fergus 2014, section 2.1).

    Drop-in for :class:`captum.attr.NeuronDeconvolution`. The neuron is seeded with 1, as Captum
    has it; the paper seeds it with its activation, which scales the projection by that. To
    project many neurons from one forward pass use :func:`captum_deconvnet.record`.

    Args:
        model: any conv net, in eval mode if it has batch norms.
        layer: the module that holds the neuron, or its path.
        device_ids: the devices of a DataParallel model, in order.
        relu: as for :class:`DeconvNet`.
        rules: as for :class:`DeconvNet`.
        strict: as for :class:`DeconvNet`.

    Raises:
        UnknownLayerError: for a layer that is not in the model, with near names.
        NotAModuleError: for a model that is no module; it is an AssertionError, as Captum has it.
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
    ) -> None:
        """Attribute neurons of ``layer`` to the inputs of ``model``."""
        self._hold(DeconvNet(model, relu=relu, rules=rules, strict=strict), layer, device_ids)

    @log_usage(part_of_slo=True)  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: TensorOrTupleOfTensorsGeneric,
        neuron_selector: NeuronSelector,
        additional_forward_args: Any = None,
        attribute_to_neuron_input: bool = False,
    ) -> TensorOrTupleOfTensorsGeneric:
        r"""Project one neuron, or the sum of several, to the input.

        Args:
            inputs: a batch (N, C, H, W), or a tuple of inputs with N first.
            neuron_selector: an int for a layer of shape (N, C); a tuple of ints or slices, one a
                dimension after the first; or a callable from the layer's output to one value
                an example.
            additional_forward_args: further arguments of the model, one or a tuple.
            attribute_to_neuron_input: select from the layer's input instead of its output.

        Returns:
            The projection, of the shape and form of ``inputs``; signed.

        Raises:
            SelectorError: for a selector that does not fit the layer, or a neuron that does not
                exist; it is an AssertionError and an IndexError, as Captum has them.
            LayerError: for a layer that did not run or does not depend on the input.
            TrainModeError: for a batch norm in train mode, naming it.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
            >>> neuron = cdn.NeuronDeconvNet(net, "1")
            >>> neuron.attribute(torch.rand(2, 3, 8, 8), (5, 2, 2)).shape
            torch.Size([2, 3, 8, 8])
        """
        given = as_tensors(inputs)
        if not len(given[0]):
            self.deconv.receipt = Receipt(())
            return format_output(is_tuple(inputs), tuple(map(torch.zeros_like, given)))
        view = LayerView(self.layer, at_input=attribute_to_neuron_input, starts=False)
        session = self.deconv.record(given, additional_forward_args, view)
        found = self.deconv.take_back(session, self._signals(view, neuron_selector), session.images)
        return format_output(is_tuple(inputs), tuple(found))

    def _signals(self, view: LayerView, selector: NeuronSelector) -> dict[Value, Tensor]:
        """The signal of the neurons at what the layer took or gave."""
        path, tensors, values = layer_path(self.deconv.model, self.layer), view.tensors, view.values
        if not values:
            raise LayerError(f"What is seen of layer {path!r} does not depend on the input.")
        signals: dict[Value, Tensor] = {}
        for name, signal in neuron_signals(tensors, list(values), selector, path).items():
            value = values[name]
            signals[value] = signals[value] + signal if value in signals else signal
        return signals
