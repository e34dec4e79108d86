"""The record of one forward pass: values, the steps that made them, and the walk back.

How surely an activation only ever scales others; of two factors the stronger is the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.reach import Extent, union

Part = TypeVar("Part")


@dataclass(eq=False)
class Value:
    """One tensor of the forward pass, known by what the reverse needs of it; never its data.

    Args:
        shape: the tensor's shape.
        flows: whether a signal can pass through it towards the input.
        gate: how surely it only scales others: 3 attention weights, 2 a gate, 1 a bounded signal or
            a statistic, 0 no.
    """

    shape: torch.Size
    flows: bool = True
    gate: int = 0


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

    def between(self, target: Value) -> list[Step]:
        """The steps that a signal starting at ``target`` passes, in forward order."""
        return self.passed({target})

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

    def walk(self, seeds: Mapping[Value, Tensor], stops: Collection[Value]) -> dict[Value, Tensor]:
        """Take the signals at ``seeds`` back to ``stops``; a stop lets nothing through.

        Returns:
            The signal that arrived at each stop; stops that nothing reached are missing.
        """
        return self._backwards(
            seeds, stops, lambda step, signal: step.adjoint(signal), torch.Tensor.add
        )

    def extents(
        self, seeds: Mapping[Value, Extent], stops: Collection[Value]
    ) -> dict[Value, Extent]:
        """The part of each stop that the parts ``seeds`` can see."""
        return self._backwards(
            seeds, stops, lambda step, extent: step.adjoint.extents(extent), union
        )

    def _backwards(
        self,
        seeds: Mapping[Value, Part],
        stops: Collection[Value],
        back: Callable[[Step, Part], Sequence[Part | None]],
        join: Callable[[Part, Part], Part],
    ) -> dict[Value, Part]:
        waiting = dict(seeds)
        for step in reversed(self.steps):
            if step.output in stops or step.output not in waiting:
                continue
            parts = back(step, waiting.pop(step.output))
            for value, part in zip(step.inputs, parts, strict=True):
                if part is not None:
                    waiting[value] = join(waiting[value], part) if value in waiting else part
        return {value: waiting[value] for value in stops if value in waiting}


NONE = 0
BOUNDED = 1
"""A bounded signal: a gate beside an unbounded one, a layer otherwise."""
STATISTIC = 2
"""A norm, a deviation, a root or a reciprocal."""
GATE = 3
"""Through a sigmoid or a comparison."""
ATTENTION = 4
"""Attention weights, through a softmax."""

KEEPS = -1
"""As what the operation was given."""
KEEPS_WEIGHTS = -2
"""As what the operation was given, if that are attention weights."""
