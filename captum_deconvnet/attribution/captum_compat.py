"""Everything of Captum that is not public, so that a new Captum breaks one file only."""

from captum_deconvnet.pictures.plotting import import_matplotlib

import_matplotlib()  # before Captum does

from collections.abc import Callable

from captum._utils.common import _expand_additional_forward_args as expand_additional_forward_args
from captum._utils.common import _format_additional_forward_args as format_additional_forward_args
from captum._utils.common import _format_output as format_output
from captum._utils.common import _format_tensor_into_tuples as format_tensor_into_tuples
from captum._utils.common import _is_tuple as is_tuple
from captum._utils.common import _run_forward as run_forward
from captum._utils.gradient import (
    compute_gradients,
    compute_layer_gradients_and_eval,
    construct_neuron_grad_fn,
)
from captum._utils.progress import NullProgress, progress
from captum._utils.typing import (
    BaselineType,
    SliceIntType,
    TargetType,
    TensorOrTupleOfTensorsGeneric,
)
from captum.attr._core.feature_ablation import _parse_forward_out as parse_forward_out
from captum.attr._core.feature_ablation import check_output_shape_valid
from captum.attr._utils.attribution import (
    GradientAttribution,
    InternalAttribution,
    LayerAttribution,
    NeuronAttribution,
    PerturbationAttribution,
)
from captum.attr._utils.common import (
    _format_and_verify_sliding_window_shapes as format_sliding_window_shapes,
)
from captum.attr._utils.common import _format_and_verify_strides as format_strides
from captum.attr._utils.common import _format_input_baseline as format_input_baseline
from captum.log import log_usage
from torch import nn

__all__ = [
    "BaselineType",
    "GradientAttribution",
    "InternalAttribution",
    "LayerAttribution",
    "NeuronAttribution",
    "NullProgress",
    "PerturbationAttribution",
    "SliceIntType",
    "Synchronous",
    "TargetType",
    "TensorOrTupleOfTensorsGeneric",
    "check_output_shape_valid",
    "compute_gradients",
    "compute_layer_gradients_and_eval",
    "construct_neuron_grad_fn",
    "expand_additional_forward_args",
    "format_additional_forward_args",
    "format_input_baseline",
    "format_output",
    "format_sliding_window_shapes",
    "format_strides",
    "format_tensor_into_tuples",
    "hooked_by_captum",
    "is_tuple",
    "log_usage",
    "parse_forward_out",
    "progress",
    "run_forward",
]


def hooked_by_captum(model: nn.Module) -> set[nn.Module]:
    """The modules of ``model`` whose input or output a gradient function of Captum looks at."""
    return {
        module
        for module in model.modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
        if getattr(hook, "__module__", "").startswith("captum.")
    }


class Synchronous:
    """A class of Captum's form whose attribution is never asynchronous, as Captum's own are not."""

    get_name: Callable[[], str]

    def attribute_future(self) -> None:
        """Asynchronous attribution does not exist.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"attribute_future is not implemented for {self.get_name()}")
