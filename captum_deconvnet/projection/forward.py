"""One recorded forward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import ModelError
from captum_deconvnet.projection.call import is_signal
from captum_deconvnet.projection.checks import check_initialised
from captum_deconvnet.projection.function_recorder import FunctionRecorder
from captum_deconvnet.projection.recorder import Recorder
from captum_deconvnet.projection.tape import Value
from captum_deconvnet.projection.watch import Arrived, watched


@dataclass(frozen=True)
class Forward:
    """What a recorded forward pass gave: the output and the inputs' values."""

    output: Any
    images: tuple[Value, ...]


def forward(
    model: nn.Module,
    inputs: Sequence[Tensor],
    additional: Sequence[Any],
    *,
    recorder: Recorder,
    entered: Arrived,
    left: Arrived,
    restored: Arrived = lambda path, module, item: None,
    began: Callable[[tuple[Value, ...]], None] = lambda images: None,
    shown: Collection[nn.Module] = (),
) -> Forward:
    """Run ``model`` once under ``recorder``, without autograd and without changing the inputs.

    ``entered``, ``left``, ``restored`` and ``shown`` are as for :func:`watched`; ``began`` gets the
    inputs' values first.
    """
    check_initialised(model)
    copies = [tensor.detach().clone() for tensor in inputs]
    images = tuple(Value(tensor.shape, flows=is_signal(tensor)) for tensor in copies)
    for tensor, value in zip(copies, images, strict=True):
        recorder.storages.put(tensor, value)
    began(images)
    watch = watched(model, recorder, entered=entered, left=left, restored=restored, shown=shown)
    try:
        with watch, torch.no_grad(), FunctionRecorder(recorder), recorder:
            output = model(*copies, *additional)
    except RuntimeError as error:
        if type(error) is not RuntimeError:
            raise
        raise _explained(error, inputs, recorder) from error
    return Forward(output, images)


def _explained(error: RuntimeError, inputs: Sequence[Tensor], recorder: Recorder) -> ModelError:
    """A plain error of torch, with the module it came from and the input it was given."""
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
    module = recorder.path[-1] if recorder.path and recorder.path[-1] else "the model"
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"The model cannot run on input of shape {shapes}: in {module}: {reason}")
