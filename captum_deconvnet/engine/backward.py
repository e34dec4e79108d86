"""Backward passes from recorded values to the inputs, with the checks that belong to them.

A deep net with small weights shrinks a signal at every filter, in the end below the smallest number
that its type holds. A backward pass is positively homogeneous, so that a projection that vanished
is looked for once more with a larger seed: that tells underflow from a projection that is zero.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captum_deconvnet.engine.checks import check_projection, check_rules, check_weights, version
from captum_deconvnet.engine.tape.adjoint import vmap_signals
from captum_deconvnet.engine.tape.tape import Tape, Value
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.engine.windows.receptive_field import Box, ReceptiveField
from captum_deconvnet.engine.windows.windowed_backward import PixelWindow, Seed, WindowedBackward
from captum_deconvnet.errors import RecordingError, UnderflowWarning
from captum_deconvnet.short_repr import short_repr


class BackwardPass:
    """Takes signals from any values of a tape to others before them.

    Args:
        model: the model that was recorded.
        tape: its tape, which holds the weights by reference.
        strict: refuse to pass an operation that has no rule.
    """

    def __init__(self, model: nn.Module, tape: Tape, *, strict: bool) -> None:
        """The weights may still change."""
        self.model, self.tape, self.strict = model, tape, strict
        self._weights: list[tuple[str, Tensor, int]] = []

    def note_weights(self) -> None:
        """From now on the weights must stay as they are."""
        self._weights = [(name, w, version(w)) for name, w in self.model.named_parameters()]

    def check(self, starts: Iterable[Value]) -> None:
        """Raise if the weights changed, or if strict and an operation to pass has no rule."""
        check_weights(self._weights)
        if self.strict:
            check_rules(self.tape.steps_from(*starts))

    def run(self, signals: Mapping[Value, Tensor], stops: Sequence[Value]) -> list[Tensor]:
        """The signals taken back to ``stops``, a tensor each; zero where nothing arrived.

        Args:
            signals: by the value they start at. A single one may be several: a leading dimension
                holds alternatives, which are passed one by one or all at once.
            stops: the values that signals are read at; they let nothing through.

        Raises:
            ModelError: a weight changed since the forward pass.
            NonFiniteError: the projection overflows or a weight is not finite.
            UnsupportedOperationError: with ``strict``, naming module and operation.

        Warns:
            UnderflowWarning: a projection is too small for its type.
        """
        self.check(signals)
        with torch.no_grad():
            answers = self._answers(signals, stops)
            check_projection(self.model, answers)
            if len(signals) == 1:
                ((value, signal),) = signals.items()
                warn_of_underflow(signal, answers, lambda seed: self._answers({value: seed}, stops))
        return answers

    def _answers(self, signals: Mapping[Value, Tensor], stops: Sequence[Value]) -> list[Tensor]:
        value, signal = next(iter(signals.items()))
        if signal.dim() > len(value.shape):
            return vmap_signals(lambda one: self._arrived({value: one}, stops), signal)
        return self._arrived(signals, stops)

    def _arrived(self, signals: Mapping[Value, Tensor], stops: Sequence[Value]) -> list[Tensor]:
        like = next(iter(signals.values()))
        arrived = self.tape.backward(signals, stops)
        return [arrived.get(stop, like.new_zeros(stop.shape)) for stop in stops]


Copied = TypeVar("Copied", bound="LivePass")


class LivePass:
    """Something that holds the backward pass through a live model."""

    def __copy__(self: Copied) -> Copied:
        """A recording of the same pass: the model, its weights and the tape are shared."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self: Copied, memo: dict[int, Any]) -> Copied:
        """As a shallow copy: signals pass the very weights that ran."""
        return copy(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled."""
        raise RecordingError(
            "A recording cannot be pickled or saved: it is the way back through a live model. Save "
            "what it projected, or record again where it is needed."
        )


@dataclass(frozen=True, eq=False)
class Patch:
    """The projection of one unit inside its receptive field; outside it is zero.

    Args:
        unit: the unit that was projected.
        box: the receptive field, clipped to the image.
        pixels: the projection in the box, ``(C, h, w)``, signed.
    """

    unit: Unit
    box: Box
    pixels: Tensor

    __repr__ = short_repr


def project_patches(
    backward: WindowedBackward,
    units: Mapping[int, Unit],
    seeds: Mapping[int, Seed],
    field: ReceptiveField,
) -> dict[int, Patch]:
    """The patches of all units, by number; a patch that underflows comes with a warning."""

    def back(values: Mapping[int, float]) -> Iterator[Tensor]:
        larger = {number: replace(seeds[number], value=value) for number, value in values.items()}
        return (patch.pixels for _, patch in iterate_patches(backward, units, larger, field))

    found = dict(iterate_patches(backward, units, seeds, field))
    pixels = {number: patch.pixels for number, patch in found.items()}
    warn_of_vanished(pixels, {number: seed.value for number, seed in seeds.items()}, back)
    return found


def iterate_patches(
    backward: WindowedBackward,
    units: Mapping[int, Unit],
    seeds: Mapping[int, Seed],
    field: ReceptiveField,
) -> Iterator[tuple[int, Patch]]:
    """The patch of every unit, with its number, in the order in which they are done."""
    for number, window in backward.run(seeds):
        unit = units[number]
        box = field.box(unit.row, unit.column)
        yield number, Patch(unit, box, crop_to_box(window, box, backward.image.shape[1:]))


def crop_to_box(window: PixelWindow, box: Box, shape: Sequence[int]) -> Tensor:
    """The pixels of a box of the image, of ``shape`` (C, H, W); zero where none arrived."""
    first = (*[0] * (len(shape) - 2), box.top, box.left)
    last = (*shape[:-2], box.bottom, box.right)
    pads: list[int] = []
    for dim in reversed(range(len(shape))):
        before = window.start[dim] - first[dim]
        pads += [before, last[dim] - first[dim] - before - window.pixels.shape[dim]]
    return F.pad(window.pixels, pads) if any(pads) else window.pixels.clone()


def warn_of_underflow(
    signal: Tensor, answers: Sequence[Tensor], back: Callable[[Tensor], Sequence[Tensor]]
) -> None:
    """Warn if a projection is below the smallest normal number, and would not be in a wider type.

    Args:
        signal: the seeds.
        answers: what they became at the inputs.
        back: projects signals of that shape.
    """
    if not signal.numel():
        return
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
