"""One recorded forward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import ModelError
from captum_deconvnet.projection.call import is_signal
from captum_deconvnet.projection.checks import check_initialised
from captum_deconvnet.projection.function_recorder import FunctionRecorder
from captum_deconvnet.projection.recorder import Recorder
from captum_deconvnet.projection.repeated import check_repeated, decides
from captum_deconvnet.projection.steadiness import drew_since, generator_states
from captum_deconvnet.projection.tape import Value
from captum_deconvnet.projection.watch import Arrived, watched


@dataclass(frozen=True)
class Forward:
    """What a recorded forward pass gave.

    Args:
        output: of the model.
        images: the inputs' values.
        check: warns of chance, and refuses a pass in which images decided for each other; the model
            may run again, so that nobody should look at its layers any more.
    """

    output: Any
    images: tuple[Value, ...]
    check: Callable[[], None]


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

    Raises:
        ModelError: the model cannot run on the inputs.
    """
    check_initialised(model)
    copies = [tensor.detach().clone() for tensor in inputs]
    images = tuple(Value(tensor.shape, flows=is_signal(tensor)) for tensor in copies)
    for tensor, value in zip(copies, images, strict=True):
        recorder.storages.put(tensor, value)
    began(images)
    watch = watched(model, recorder, entered=entered, left=left, restored=restored, shown=shown)
    before = generator_states()
    try:
        with watch, torch.no_grad(), FunctionRecorder(recorder), recorder:
            output = model(*copies, *additional)
    except RuntimeError as error:
        if type(error) is not RuntimeError:
            raise
        raise _explained(error, inputs, recorder) from error
    check = partial(
        check_repeated,
        model,
        inputs,
        additional,
        output,
        drew=drew_since(before),
        decided=decides(recorder.found),
    )
    return Forward(output, images, check)


def _explained(error: RuntimeError, inputs: Sequence[Tensor], recorder: Recorder) -> ModelError:
    """A plain error of torch, with the module it came from and the input it was given."""
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
    module = recorder.path[-1] if recorder.path and recorder.path[-1] else "the model"
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"The model cannot run on input of shape {shapes}: in {module}: {reason}")
