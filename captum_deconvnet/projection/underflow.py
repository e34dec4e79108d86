"""Underflow: a projection that its type is too small for, told from one that is truly empty.

A deep net with small weights shrinks a signal at every filter, in the end below the smallest number
that its type holds. The way back is positively homogeneous, so that a projection that vanished is
looked for once more with a larger seed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import UnderflowWarning


def warn_of_underflow(
    signal: Tensor, answers: Sequence[Tensor], back: Callable[[Tensor], Sequence[Tensor]]
) -> None:
    """Warn if a projection is below the smallest normal number, and would not be in a wider type.

    Args:
        signal: the seeds.
        answers: what they became at the inputs.
        back: projects signals of that shape.
    """
    smallest = torch.finfo(signal.dtype).tiny
    vanished = below(smallest, answers, signal)
    if not bool(vanished.any()):
        return
    again = back(enlarged(signal * vanished.view(-1, *(1,) * (signal.dim() - 1))))
    if any(bool(((answer != 0) & answer.isfinite()).any()) for answer in again):
        warnings.warn(
            f"A projection underflows {signal.dtype}: it is below {smallest:.1e} though its seed "
            "is not zero. Convert the model and its input to a wider type (model.double()), or "
            "project with a larger seed.",
            UnderflowWarning,
            stacklevel=2,
        )


def below(smallest: float, answers: Sequence[Tensor], signal: Tensor) -> Tensor:
    """Which parts of the signal, along its first dimension, are seeds without a projection.

    All of it is one part if the inputs do not have the first dimension of the signal.
    """
    alike = all(len(answer) == len(signal) for answer in answers)
    count = len(signal) if alike else 1
    largest = torch.stack([of_parts(answer, count) for answer in answers]).amax(0)
    vanished = (largest < smallest) & (of_parts(signal, count) > 0)
    return vanished.expand(len(signal))


def of_parts(tensor: Tensor, count: int) -> Tensor:
    """The largest size in each of ``count`` parts."""
    return tensor.reshape(count, -1).abs().amax(1)


def enlarged(signal: Tensor) -> Tensor:
    """The signal times a power of two that brings it near the top of its type."""
    top = math.frexp(torch.finfo(signal.dtype).max)[1]
    present = math.frexp(float(signal.abs().max()))[1]
    return signal * 2.0 ** min(top * 3 // 4 - present, top - 1)
