"""Places of a storage as steps: what an in-place change does to the other views of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint
from captum_deconvnet.projection.places import Place
from captum_deconvnet.projection.reach import whole
from captum_deconvnet.projection.tape import Step, Tape, Value


@dataclass(eq=False)
class Excerpt(Adjoint):
    """A place read out of a flat storage: the signal is added there."""

    size: int
    place: Place

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """A flat signal, zero outside the place."""
        flat = _positions(self.size, self.place, signal.device).flatten()
        return (signal.new_zeros(self.size).index_add(0, flat, signal.flatten()),)


@dataclass(eq=False)
class Overlay(Adjoint):
    """A flat storage after a value was written to a place of it.

    ``old`` and ``new`` tell which of the two was recorded: what stood there, what was written.
    """

    size: int
    place: Place
    old: bool
    new: bool

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal outside the place goes to the old value, inside to the new one."""
        positions = _positions(self.size, self.place, signal.device)
        parts: list[Tensor | None] = []
        if self.old:
            parts.append(signal.index_fill(0, positions.flatten(), 0))
        if self.new:
            parts.append(signal[positions])
        return parts


def _positions(size: int, place: Place, device: torch.device) -> Tensor:
    shape, strides, offset, _ = place
    return torch.arange(size, device=device).as_strided(shape, strides, offset)


def excerpt(tape: Tape, flat: Value, place: Place) -> Value:
    """The value of a place of a flat storage."""
    (size,) = flat.shape
    value = Value(torch.Size(place[0]), flows=flat.flows)
    if flat.flows:
        step = Excerpt((whole(1),), size, place)
        tape.steps.append(Step((flat,), value, step, "", "in-place view", "adjoint", "adjoint"))
    return value


def overlay(tape: Tape, flat: Value | None, size: int, written: Value, place: Place) -> Value:
    """The value of a flat storage after ``written`` was put into a place of it."""
    inputs = tuple(value for value in (flat, written) if value is not None and value.flows)
    result = Value(torch.Size((size,)), flows=bool(inputs))
    if inputs:
        adjoint = Overlay(
            tuple(whole(len(value.shape)) for value in inputs),
            size,
            place,
            flat is not None and flat.flows,
            written.flows,
        )
        tape.steps.append(Step(inputs, result, adjoint, "", "in-place write", "adjoint", "adjoint"))
    return result
