"""A forward pass as a program: operations in order, on values that have numbers.

Its arguments hold for any number of windows: what grows with the batch says how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from captum_deconvnet.engine.rules.call import signature
from captum_deconvnet.occlusion.incremental.memory_layout import repeated


@dataclass(frozen=True)
class ValueReference:
    """Stands in an operation's arguments for the value of that number."""

    index: int


@dataclass(frozen=True)
class BatchMultiple:
    """A number in an operation's arguments that grows with the batch: ``base`` for one window."""

    base: int

    def at(self, count: int) -> int:
        """The number for a batch of ``count`` windows."""
        return self.base * count


@dataclass(frozen=True, eq=False)
class RepeatedConstant:
    """A constant tensor that grows with the batch along ``dim``."""

    tensor: Tensor
    dim: int

    @property
    def shape(self) -> torch.Size:
        """For one window."""
        return self.tensor.shape

    def at(self, count: int) -> Tensor:
        """The tensor for a batch of ``count`` windows."""
        return repeated(self.tensor, self.dim, count)


@dataclass(frozen=True, eq=False)
class Filters:
    """A convolution's filters, with the gain of the norm after them, laid out channels last.

    They are made for each use: kept, they would be a second copy of the model's weights.
    """

    weight: Tensor
    gain: Tensor | None = None

    @property
    def shape(self) -> torch.Size:
        """(out, in / groups, ...)."""
        return self.weight.shape

    def made(self) -> Tensor:
        """The filters."""
        weight, gain = self.weight, self.gain
        layout = torch.channels_last if weight.dim() == 4 else torch.contiguous_format
        if gain is None:
            return weight.contiguous(memory_format=layout)
        made = torch.empty_like(weight, memory_format=layout)
        return torch.mul(weight, gain.view(-1, *[1] * (weight.dim() - 1)), out=made)


@dataclass(eq=False)
class ProgramStep:
    """One operation.

    Attributes:
        function: an aten operation or a torch function, which changes none of its arguments.
        name: its name, as the table of rules has it.
        args: its arguments, with references for values.
        kwargs: its keyword arguments, likewise.
        outputs: the numbers of the values it makes; ``None`` for an output that is no tensor.
        single: whether it returns one tensor, not a sequence.
        frees: the values that are not needed after it.
    """

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[int | None, ...]
    single: bool
    frees: tuple[int, ...] = ()

    @property
    def reads(self) -> list[int]:
        """The numbers of the values among the arguments."""
        return [ref.index for ref in references(self.args, self.kwargs)]

    def argument(self, name: str) -> Any:
        """One argument of an aten operation, as given or by default."""
        assert isinstance(self.function, OpOverload)
        place, default = signature(self.function)[name]
        given = self.args[place] if place < len(self.args) else default
        return self.kwargs.get(name, given)


@dataclass(eq=False)
class Program:
    """A forward pass.

    Attributes:
        inputs: the numbers of the inputs' values.
        steps: the operations.
        output: the number of the output's value.
        shapes: every value's shape on the clean inputs.
        batch_dims: the dimension of every value that grows with the batch; ``None`` if none does.
        layers: the values that modules asked for gave, by module path.
    """

    inputs: tuple[int, ...]
    steps: list[ProgramStep]
    output: int
    shapes: dict[int, torch.Size]
    batch_dims: dict[int, int | None]
    layers: dict[str, int] = field(default_factory=dict)

    @property
    def results(self) -> set[int]:
        """The values that somebody outside asks for."""
        return {self.output, *self.layers.values()}

    def users(self) -> dict[int, list[ProgramStep]]:
        """The steps that read each value."""
        found: dict[int, list[ProgramStep]] = {index: [] for index in self.shapes}
        for step in self.steps:
            for index in set(step.reads):
                found[index].append(step)
        return found

    def constants(self) -> Iterator[Tensor]:
        """The tensors among the operations' arguments."""
        for step in self.steps:
            yield from (item for item in step.args if isinstance(item, Tensor))

    def pruned(self) -> Program:
        """The program without steps that nobody needs; each step says which values it frees."""
        needed, kept = set(self.results), []
        for step in reversed(self.steps):
            if not needed.intersection(step.outputs):
                continue
            reads = set(step.reads)
            step.outputs = tuple(index if index in needed else None for index in step.outputs)
            step.frees = tuple(reads - needed)
            needed |= reads
            kept.append(step)
        self.steps = kept[::-1]
        return self


def resolved(item: Any, count: int, value: Callable[[int], Any]) -> Any:
    """Arguments for a batch of ``count`` windows, each reference replaced by ``value(number)``."""
    kind = type(item)
    if kind is ValueReference:
        return value(item.index)
    if kind is list or kind is tuple:
        return kind(resolved(each, count, value) for each in item)
    if kind is BatchMultiple or kind is RepeatedConstant:
        return item.at(count)
    return item.made() if kind is Filters else item


def with_tensor(args: tuple[Any, ...], tensor: Tensor) -> list[Any]:
    """Arguments with ``tensor`` for the one reference in them."""
    return [tensor if type(item) is ValueReference else item for item in args]


def references(*items: Any) -> Iterator[ValueReference]:
    """Every reference in a nest of arguments."""
    for item in items:
        if isinstance(item, ValueReference):
            yield item
        elif isinstance(item, (list, tuple)):
            yield from references(*item)
        elif isinstance(item, dict):
            yield from references(*item.values())
