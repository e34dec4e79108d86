"""Checks of what the classes are given: a model in eval mode, images, layers, outputs, targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from captum_deconvnet.engine.layers import LayerName, layer_paths
from captum_deconvnet.engine.recorder.module_hooks import in_this_thread, refuse_train_mode
from captum_deconvnet.engine.windows.receptive_field import Box
from captum_deconvnet.errors import (
    InputError,
    LayerError,
    ModelError,
    NonFiniteError,
    TargetError,
    unknown_name,
)
from captum_deconvnet.registry.stages import find_stages

OUTPUTS = ("logits", "probabilities")
SUM_TOLERANCE = 1e-4
Target = int | Sequence[int] | Tensor | None


@contextmanager
def train_mode_refused(modules: Mapping[str, nn.Module]) -> Iterator[None]:
    """Refuse norms that run in train mode in this thread, naming them."""
    with ExitStack() as undo:
        for path, module in modules.items():
            if isinstance(module, _NormBase) and not isinstance(module, torch.jit.ScriptModule):
                hook = module.register_forward_pre_hook(
                    in_this_thread(lambda module, args, path=path: refuse_train_mode(path, module))
                )
                undo.enter_context(hook)
        yield


def check_images(images: Any) -> None:
    """Raise for what is no batch of finite images (N, C, H, W)."""
    if not isinstance(images, Tensor):
        raise InputError(f"The inputs are a {type(images).__name__}; give a tensor (N, C, H, W).")
    if images.dim() != 4 or not images.is_floating_point() or 0 in images.shape:
        raise InputError(
            f"The inputs are {images.dtype} {tuple(images.shape)}; give floating images "
            "(N, C, H, W), at least one: signals and volumes have no transforms here."
        )
    if not bool(torch.isfinite(images).all()):
        raise NonFiniteError("The inputs hold NaN or infinite values.")


def require_box(box: Any, subject: str) -> None:
    """Raise for what is no :class:`Box`: four numbers could mean sides or corners.

    Args:
        box: what was given.
        subject: how the error begins.

    Raises:
        InputError: it is no box.
    """
    if not isinstance(box, Box):
        raise InputError(
            f"{subject} {box!s:.60}: give a captum_deconvnet.Box(top, left, bottom, right), whose "
            "bottom and right are the first row and column after it."
        )


def measured_layers(
    model: nn.Module, layers: LayerName | Sequence[LayerName] | None, example: Tensor
) -> tuple[str, ...]:
    """The paths of the layers to measure: those given, else the first and the last stage.

    Raises:
        UnknownNameError: a layer is not in the model.
        LayerError: no layers are given, and the model has no stages.
    """
    found = find_stages(model, example) if layers is None else layer_paths(model, layers)
    if not found:
        raise LayerError("There are no layers to measure: give layers=[...], by path or module.")
    ends = (found[0], found[-1]) if layers is None else found
    return tuple(dict.fromkeys(ends))


def feature_maps(layer: str, outputs: Sequence[Any]) -> Tensor:
    """The last of a layer's outputs in a pass.

    Raises:
        LayerError: it is not (N, C, h, w).
    """
    if not outputs or not isinstance(outputs[-1], Tensor) or outputs[-1].dim() < 3:
        raise LayerError(f"The layer {layer!r} gives no feature maps (N, C, h, w).")
    return outputs[-1]


def probabilities(outputs: Tensor | None, output: str) -> Tensor | None:
    """Outputs (N, V, K) as probabilities, float64; None without outputs.

    Raises:
        UnknownNameError: ``output`` is not one of ``OUTPUTS``.
        ModelError: the outputs are not what ``output`` says.
        NonFiniteError: they are NaN or infinite.
    """
    check_output_name(output)
    if outputs is None:
        return None
    if not bool(torch.isfinite(outputs).all()):
        raise NonFiniteError("The model's outputs are NaN or infinite.")
    found = outputs.double().cpu()
    check_output_kind(found, output)
    return as_probabilities(found, output)


def check_output_name(output: str) -> None:
    """Raise for what is not one of ``OUTPUTS``."""
    if output not in OUTPUTS:
        raise unknown_name("output", output, OUTPUTS, f"Known: {', '.join(OUTPUTS)}.")


def check_output_kind(outputs: Tensor, output: str) -> None:
    """Raise for outputs (..., K) that are not what ``output`` says."""
    if output == "logits" and _sum_to_one(outputs):
        raise ModelError(
            "The model's outputs are probabilities already: give output='probabilities', or "
            "take the softmax off the model."
        )
    if output == "probabilities" and not _are_probabilities(outputs):
        raise ModelError("The model's outputs are no probabilities: give output='logits'.")


def as_probabilities(outputs: Tensor, output: str) -> Tensor:
    """Outputs (..., K) as probabilities: softmax, of a single logit the sigmoid."""
    if output == "probabilities":
        return outputs
    return outputs.sigmoid() if outputs.shape[-1] == 1 else outputs.softmax(-1)


def labels_of(probabilities: Tensor) -> Tensor:
    """The most probable class of (N, K); of a single probability, 1 from one half on, else 0."""
    if probabilities.shape[1] == 1:
        return (probabilities[:, 0] >= 0.5).long()
    return probabilities.argmax(1)


def _are_probabilities(outputs: Tensor) -> bool:
    if outputs.shape[-1] == 1:
        return bool(outputs.amin() >= 0) and bool(outputs.amax() <= 1)
    return _sum_to_one(outputs)


def _sum_to_one(outputs: Tensor) -> bool:
    sums = (outputs.sum(-1) - 1).abs().amax()
    return bool(outputs.amin() >= 0) and bool(sums < SUM_TOLERANCE)


def targets_of(target: Target, images: int, labels: int | None) -> Tensor | None:
    """One label an image, (N,), on the CPU.

    Args:
        target: an int for all images, or one an image.
        images: how many.
        labels: how many the model has; None if it gives no (N, K).

    Raises:
        TargetError: there is not one an image, or a label does not exist.
    """
    if target is None:
        return None
    if labels is None:
        raise TargetError("The model gives no (N, K): there are no labels. Leave the target out.")
    try:
        given = torch.as_tensor(target).cpu()
    except (TypeError, ValueError, RuntimeError):
        given = torch.empty(0)
    if given.is_floating_point() or given.dim() > 1 or given.numel() not in (1, images):
        raise TargetError(
            f"The target is {target!r}; give one label, or one for each of {images} images."
        )
    if bool((given < 0).any()) or bool((given >= labels).any()):
        raise TargetError(
            f"The target {target!r} is not among 0 to {labels - 1}, the model's labels."
        )
    return given.long().expand(images)
