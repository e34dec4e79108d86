"""Checks at the public edge: what cannot be projected is said in one clear line.

Underflow: a projection that its type is too small for, told from one that is truly empty.

A deep net with small weights shrinks a signal at every filter, in the end below the smallest number
that its type holds. The way back is positively homogeneous, so that a projection that vanished is
looked for once more with a larger seed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    UnderflowWarning,
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
    for number, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor):
            given = type(tensor).__name__
            raise InputError(f"Input {number} is a {given}; give a tensor (N, C, H, W).")
        if torch.is_inference_mode_enabled():
            raise InferenceModeError(
                "Projecting needs ordinary tensors: leave torch.inference_mode (torch.no_grad is "
                "fine). Inputs and models that were made in it can be used outside it."
            )
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
    """Raise if an operation on the way has no rule, naming module and operation."""
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


def warn_of_underflow(
    signal: Tensor, answers: Sequence[Tensor], back: Callable[[Tensor], Sequence[Tensor]]
) -> None:
    """Warn if a projection is below the smallest normal number, and would not be in a wider type.

    Args:
        signal: the seeds.
        answers: what they became at the inputs.
        back: projects signals of that shape.
    """
    vanished = below(answers, signal)
    if not bool(vanished.any()):
        return
    kept = signal * vanished.view(-1, *(1,) * (signal.dim() - 1))
    warn_if_found(back(kept * enlargement(kept)), signal.dtype)


def warn_of_vanished(
    pictures: Mapping[int, Tensor],
    seeds: Mapping[int, float],
    back: Callable[[Mapping[int, float]], Iterable[Tensor]],
) -> None:
    """The same for units that are projected one by one.

    Args:
        pictures: the projections, by number.
        seeds: the value that was put on each unit.
        back: projects some of the units with other values.
    """
    vanished = {
        number: seeds[number] * enlargement(picture.new_tensor(seeds[number]))
        for number, picture in pictures.items()
        if seeds[number] and float(picture.abs().amax()) < torch.finfo(picture.dtype).tiny
    }
    if vanished:
        warn_if_found(back(vanished), pictures[next(iter(vanished))].dtype)


def warn_if_found(answers: Iterable[Tensor], dtype: torch.dtype) -> None:
    """Warn if a larger seed brought back what had vanished."""
    if any(bool(((answer != 0) & answer.isfinite()).any()) for answer in answers):
        warnings.warn(
            f"A projection underflows {dtype}: it is below {torch.finfo(dtype).tiny:.1e} though "
            "its seed is not zero. Convert the model and its input to a wider type "
            "(model.double()), or project with a larger seed.",
            UnderflowWarning,
            stacklevel=2,
        )


def below(answers: Sequence[Tensor], signal: Tensor) -> Tensor:
    """Which parts of the signal, along its first dimension, are seeds without a projection.

    All of it is one part if the inputs do not have the first dimension of the signal.
    """
    alike = all(len(answer) == len(signal) for answer in answers)
    count = len(signal) if alike else 1
    largest = torch.stack([of_parts(answer, count) for answer in answers]).amax(0)
    vanished = (largest < torch.finfo(signal.dtype).tiny) & (of_parts(signal, count) > 0)
    return vanished.expand(len(signal))


def of_parts(tensor: Tensor, count: int) -> Tensor:
    """The largest size in each of ``count`` parts."""
    return tensor.reshape(count, -1).abs().amax(1)


def enlargement(signal: Tensor) -> float:
    """A power of two that brings a signal near the top of its type."""
    top = math.frexp(torch.finfo(signal.dtype).max)[1]
    present = math.frexp(float(signal.abs().max()))[1]
    return float(2.0 ** min(top * 3 // 4 - present, top - 1))
