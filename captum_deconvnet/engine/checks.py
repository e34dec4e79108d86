"""Checks at the public edge: what cannot be projected is said in one clear line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from captum_deconvnet.engine.rules.call import is_signal, tensors
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Step
from captum_deconvnet.errors import (
    InferenceModeError,
    InputError,
    ModelError,
    NonFiniteError,
    NotAModuleError,
    UnsupportedOperationError,
)


def check_model(model: nn.Module) -> None:
    """Raise for something that is not a module, or whose lazy layers have not run yet."""
    require_module(model)
    check_initialised(model)


def require_module(model: Any) -> None:
    """Raise for a model that is not a module."""
    if not isinstance(model, nn.Module):
        hint = ": the LoadedModel's .model" if hasattr(model, "inverse_transform") else ""
        raise NotAModuleError(
            f"The model is a {type(model).__name__}; give a torch.nn.Module{hint}."
        )


def check_initialised(model: nn.Module) -> None:
    """Raise for lazy layers that have no weights yet; the model stays as it is."""
    lazy = [
        path or "the model itself"
        for path, module in model.named_modules()
        if any(map(is_lazy, (*module._parameters.values(), *module._buffers.values())))
    ]
    if lazy:
        raise ModelError(
            f"Lazy layers have no weights yet: {', '.join(lazy)}. First run the model once on an "
            "input, which gives them their shapes."
        )


def check_inputs(inputs: Sequence[Tensor]) -> None:
    """Raise for inputs that no signal arrives at or that are not finite; and in inference mode."""
    if torch.is_inference_mode_enabled():
        raise InferenceModeError(
            "Projecting needs ordinary tensors: leave torch.inference_mode (torch.no_grad is "
            "fine). Inputs and models that were made in it can be used outside it."
        )
    for number, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor):
            given = type(tensor).__name__
            raise InputError(f"Input {number} is a {given}; give a tensor (N, C, H, W).")
        if not is_signal(tensor):
            raise ModelError(
                f"Input {number} is {tensor.dtype}, and no signal arrives at whole numbers. Give "
                "inputs of a floating type; pass others as additional_forward_args."
            )
        if not _finite(tensor):
            raise NonFiniteError(f"Input {number} holds NaN or infinite values.")


def check_dependence(flows: bool, what: str = "The model's output") -> None:
    """Raise if no signal could pass from ``what`` to the input."""
    if not flows:
        raise ModelError(
            f"{what} does not depend on the input: on the way the model leaves torch (numpy, "
            "lists), or goes through whole numbers, detach() or a random draw."
        )


def check_convolution(model: nn.Module, steps: Sequence[Step]) -> None:
    """Raise for a model without a convolution."""
    if any("conv" in step.operation for step in steps):
        return
    if not any(isinstance(module, _ConvNd) for module in model.modules()):
        raise ModelError(
            f"{type(model).__name__} has no convolution: there are no filters to project through. "
            "Give a conv net."
        )


def check_output(model: nn.Module, output: Any) -> None:
    """Raise if the forward pass gave NaN or infinity, naming what is to blame."""
    given = [tensor for tensor in tensors(output) if is_signal(tensor)]
    norms = [module for module in model.modules() if isinstance(module, _NormBase)]
    statistics = [buffer.flatten() for norm in norms for buffer in norm.buffers(recurse=False)]
    joined = _joined([buffer for buffer in statistics if is_signal(buffer)])
    if all(_finite(tensor) for tensor in (*given, *joined)):
        return
    _blame_weights(model)
    raise NonFiniteError(
        "The model's output or a recorded layer holds NaN or infinite values though its input "
        "and weights are finite: it overflows. Try float32 or float64, or check the weights."
    )


def check_projection(model: nn.Module, projections: Sequence[Tensor]) -> None:
    """Raise if a projection is not finite, naming what is to blame."""
    if all(_finite(projection) for projection in projections):
        return
    _blame_weights(model)
    raise NonFiniteError(
        f"The projection overflows {projections[0].dtype}: use a wider type or a smaller seed."
    )


def version(weight: Tensor) -> int:
    """How often a weight was changed in place; weights made in inference mode do not count it."""
    return 0 if weight.is_inference() else weight._version


def check_weights(weights: Sequence[tuple[str, Tensor, int]]) -> None:
    """Raise if a weight was changed in place since its version was noted."""
    for name, weight, noted in weights:
        if version(weight) != noted:
            raise ModelError(f"The weight {name!r} changed since the recording: record again.")


def check_rules(steps: Sequence[Step]) -> None:
    """Raise if an operation to pass has no rule, naming module and operation."""
    fallbacks = Receipt.of(steps).fallbacks
    if fallbacks:
        named = ", ".join(f"{e.operation} in {e.module or 'the model itself'}" for e in fallbacks)
        raise UnsupportedOperationError(
            f"No projection rule for: {named}. Give one with rules={{...}} or a plugin, "
            "or allow the gradient there with strict=False."
        )


def _joined(parts: Sequence[Tensor]) -> list[Tensor]:
    """One vector for each type and device, so that many small tensors cost one check."""
    groups: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for part in parts:
        groups.setdefault((part.dtype, part.device), []).append(part)
    return [torch.cat(group) for group in groups.values()]


def _finite(tensor: Tensor) -> bool:
    if tensor.numel() == 0 or tensor.is_complex():
        return bool(torch.isfinite(tensor).all())
    smallest, largest = torch.aminmax(tensor)  # one pass; NaN comes out of both
    return bool(torch.isfinite(smallest) & torch.isfinite(largest))


def _blame_weights(model: nn.Module) -> None:
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, Tensor) and is_signal(tensor) and not _finite(tensor):
            raise NonFiniteError(f"The weight {name!r} holds NaN or infinite values.")
