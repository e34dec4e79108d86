"""Underflow: a projection that its type is too small for, told from one that is truly empty.

A deep net with small weights shrinks a signal at every filter, in the end below the smallest number
that its type holds. The way back is positively homogeneous, so that a projection that vanished is
looked for once more with a larger seed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

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
