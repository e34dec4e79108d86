"""Everything of Captum that is not public, so that a new Captum breaks one file only."""

from captum._utils.common import _format_output as format_output
from captum._utils.common import _format_tensor_into_tuples as format_tensor_into_tuples
from captum._utils.common import _is_tuple as is_tuple
from captum._utils.gradient import (
    compute_gradients,
    compute_layer_gradients_and_eval,
    construct_neuron_grad_fn,
)
from captum._utils.typing import SliceIntType, TargetType, TensorOrTupleOfTensorsGeneric
from captum.attr._utils.attribution import (
    GradientAttribution,
    LayerAttribution,
    NeuronAttribution,
)
from captum.log import log_usage
from torch import nn

__all__ = [
    "GradientAttribution",
    "LayerAttribution",
    "NeuronAttribution",
    "SliceIntType",
    "TargetType",
    "TensorOrTupleOfTensorsGeneric",
    "compute_gradients",
    "compute_layer_gradients_and_eval",
    "construct_neuron_grad_fn",
    "format_output",
    "format_tensor_into_tuples",
    "hooked_by_captum",
    "is_tuple",
    "log_usage",
]


def hooked_by_captum(model: nn.Module) -> set[nn.Module]:
    """The modules of ``model`` whose input or output a gradient function of Captum looks at."""
    return {
        module
        for module in model.modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
        if getattr(hook, "__module__", "").startswith("captum.")
    }
