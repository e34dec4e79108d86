"""The way back from a recorded value to the inputs, with the checks that belong to it.

How what belongs to one forward pass is copied, and why it is not pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.checks import (
    check_projection,
    check_rules,
    check_weights,
    version,
    warn_of_underflow,
)
from captum_deconvnet.engine.tape.batched_windows import alternatives
from captum_deconvnet.engine.tape.tape import Tape, Value
from captum_deconvnet.errors import RecordingError


class WayBack:
    """Takes signals from any value of a tape to its inputs.

    Args:
        model: the model that was recorded.
        tape: its tape.
        images: the inputs.
        strict: refuse a way with an operation that has no rule.
    """

    def __init__(self, model: nn.Module, tape: Tape, images: Sequence[Value], strict: bool) -> None:
        """Note the versions of the weights: the tape holds them by reference."""
        self.model, self.tape, self.images, self.strict = model, tape, tuple(images), strict
        self._weights = [(name, w, version(w)) for name, w in model.named_parameters()]

    def check(self, value: Value) -> None:
        """Raise if the weights changed, or if strict and an operation on the way has no rule."""
        check_weights(self._weights)
        if self.strict:
            check_rules(self.tape.between(value))

    def walk(self, value: Value, signal: Tensor) -> list[Tensor]:
        """The projections of ``signal``, one an input; a leading dimension holds alternatives."""
        self.check(value)

        def back(seed: Tensor) -> list[Tensor]:
            arrived = self.tape.walk({value: seed}, self.images)
            return [arrived.get(image, seed.new_zeros(image.shape)) for image in self.images]

        def project(seed: Tensor) -> list[Tensor]:
            several = seed.dim() > len(value.shape)
            return alternatives(back, seed) if several else back(seed)

        with torch.no_grad():
            answers = project(signal)
            check_projection(self.model, answers)
            warn_of_underflow(signal, answers, project)
        return answers


Copied = TypeVar("Copied", bound="OfOnePass")


class OfOnePass:
    """Something that holds the way back through a live model."""

    def __copy__(self: Copied) -> Copied:
        """A recording of the same pass: the model, its weights and the tape are shared."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self: Copied, memo: dict[int, Any]) -> Copied:
        """As a shallow copy: the way back is through the very weights that ran."""
        return copy(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled."""
        raise RecordingError(
            "A recording cannot be pickled or saved: it is the way back through a live model. Save "
            "what it projected, or record again where it is needed."
        )
