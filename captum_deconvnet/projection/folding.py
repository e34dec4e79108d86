"""Batch norm folded into the filter before it, where that is less work than scaling the signal.

The signal of the value between the two is never seen, so its gain can go to the filter's weight.
The tape keeps both steps, and the receipt names both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from torch import Tensor

from captum_deconvnet.projection.filters import Filter
from captum_deconvnet.projection.linear import Reshape, Scale
from captum_deconvnet.projection.tape import Step, Tape, Value


def fold(tape: Tape, seen: Iterable[Value]) -> None:
    """Fold every gain that can be; the values in ``seen`` stay as they are."""
    uses = Counter(value for step in tape.steps for value in step.inputs)
    uses.update(dict.fromkeys(seen, 2))
    makers = {step.output: step for step in tape.steps if isinstance(step.adjoint, Filter)}
    for step in tape.steps:
        gain = _channel_gain(step)
        maker = makers.get(step.inputs[0])
        if gain is not None and maker is not None and uses[maker.output] == 1:
            _fold_one(maker, step, gain)


def _channel_gain(step: Step) -> Tensor | None:
    """The gain of a step that scales each channel, and does nothing else."""
    adjoint = step.adjoint
    if not isinstance(adjoint, Scale) or len(adjoint.factors) != 1:
        return None
    (gain,) = adjoint.factors
    by_channel = (1, *adjoint.shape[1:2], *(1,) * (len(adjoint.shape) - 2))
    return gain if isinstance(gain, Tensor) and gain.shape == by_channel else None


def _fold_one(maker: Step, step: Step, gain: Tensor) -> None:
    conv = maker.adjoint
    assert isinstance(conv, Filter)
    weight = conv.weight.tensor
    if conv.transposed or weight.numel() >= maker.output.shape.numel():
        return
    maker.adjoint = replace(conv, gain=gain.reshape(-1, *(1,) * (weight.dim() - 1)))
    step.adjoint = Reshape(step.adjoint.reaches, maker.output.shape)
