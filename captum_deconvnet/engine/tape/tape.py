"""The record of one forward pass: its values, the steps that made them, and the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TypeVar

import torch
from torch import Tensor

from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.reach import Extent, union

Propagated = TypeVar("Propagated")
"""What goes back from a step's output to its inputs: a signal, or an extent."""


class GateStrength(IntEnum):
    """How surely an activation only scales others.

    In a product of two activations the stronger one is the gate: a recorded constant. Operations
    that only rearrange, add or scale hand the strength of their inputs on.
    """

    NONE = 0
    """A signal."""
    BOUNDED = 1
    """A signal between two bounds: a gate beside an unbounded one, a layer otherwise."""
    STATISTIC = 2
    """A norm, a deviation, a root or a reciprocal."""
    GATE = 3
    """Made by a sigmoid or a comparison."""
    ATTENTION = 4
    """Attention weights, made by a softmax."""


class Inherited(Enum):
    """The strengths of its inputs that an operation hands on; the weakest of them counts."""

    ALL = "all"
    ATTENTION = "attention weights only"


@dataclass(eq=False)
class Value:
    """One tensor of the forward pass, known by what the reverse needs of it; never its data.

    Args:
        shape: the tensor's shape.
        flows: whether a signal can pass through it towards the input.
        gate: how surely it only scales others.
    """

    shape: torch.Size
    flows: bool = True
    gate: GateStrength = GateStrength.NONE


@dataclass(eq=False)
class Step:
    """One operation: how the signal at ``output`` becomes signals at ``inputs``."""

    inputs: tuple[Value, ...]
    output: Value
    adjoint: Adjoint
    module: str
    operation: str
    rule: str
    kind: str


@dataclass
class Tape:
    """The steps of one forward pass, in the order they ran."""

    steps: list[Step] = field(default_factory=list)

    def prune(self, targets: Iterable[Value]) -> None:
        """Forget every step that no signal starting at one of ``targets`` can pass."""
        live = set(targets)
        kept = []
        for step in reversed(self.steps):
            if step.output in live:
                kept.append(step)
                live.update(step.inputs)
        self.steps = kept[::-1]

    def steps_from(self, *targets: Value) -> list[Step]:
        """The steps that signals starting at ``targets`` pass, in forward order."""
        return self.passed(targets)

    def passed(self, starts: Iterable[Value], stops: Collection[Value] = ()) -> list[Step]:
        """The steps that signals starting at ``starts`` pass before ``stops``, in forward order."""
        live, passed = set(starts), []
        for step in reversed(self.steps):
            if step.output in live and step.output not in stops:
                passed.append(step)
                live.update(step.inputs)
        return passed[::-1]

    def kept(self) -> dict[int, int]:
        """The bytes of every storage that the steps hold, by its address."""
        return {
            tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes()
            for step in self.steps
            for tensor in step.adjoint.kept()
        }

    def backward(
        self, seeds: Mapping[Value, Tensor], stops: Collection[Value]
    ) -> dict[Value, Tensor]:
        """Take the signals at ``seeds`` back to ``stops``; a stop lets nothing through.

        Returns:
            The signal that arrived at each stop; stops that nothing reached are missing.
        """
        return self._propagate(
            seeds, stops, lambda step, signal: step.adjoint(signal), torch.Tensor.add
        )

    def extents(
        self, seeds: Mapping[Value, Extent], stops: Collection[Value]
    ) -> dict[Value, Extent]:
        """The extent of each stop that the extents ``seeds`` can see."""
        return self._propagate(
            seeds, stops, lambda step, extent: step.adjoint.extents(extent), union
        )

    def _propagate(
        self,
        seeds: Mapping[Value, Propagated],
        stops: Collection[Value],
        through: Callable[[Step, Propagated], Sequence[Propagated | None]],
        join: Callable[[Propagated, Propagated], Propagated],
    ) -> dict[Value, Propagated]:
        waiting = dict(seeds)
        for step in reversed(self.steps):
            if step.output in stops or step.output not in waiting:
                continue
            arrived = through(step, waiting.pop(step.output))
            for value, item in zip(step.inputs, arrived, strict=True):
                if item is not None:
                    waiting[value] = join(waiting[value], item) if value in waiting else item
        return {value: waiting[value] for value in stops if value in waiting}
