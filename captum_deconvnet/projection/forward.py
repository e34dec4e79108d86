"""One recorded forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.projection.call import is_signal
from captum_deconvnet.projection.recorder import FunctionRecorder, Recorder
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
    restored: Arrived | None = None,
    began: Callable[[tuple[Value, ...]], None] = lambda images: None,
) -> Forward:
    """Run ``model`` once under ``recorder``, without autograd and without changing the inputs.

    ``entered``, ``left`` and ``restored`` are called around every module, as :func:`watched` says;
    ``began`` gets the inputs' values first.
    """
    copies = [tensor.detach().clone() for tensor in inputs]
    images = tuple(Value(tensor.shape, flows=is_signal(tensor)) for tensor in copies)
    for tensor, value in zip(copies, images, strict=True):
        recorder.storages.put(tensor, value)
    began(images)
    watch = watched(model, recorder, entered=entered, left=left, restored=restored)
    with watch, torch.no_grad(), FunctionRecorder(recorder), recorder:
        output = model(*copies, *additional)
    return Forward(output, images)
