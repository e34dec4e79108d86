"""The adjoint of one operation: how it takes a signal back, and which inputs its outputs see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine.tape.batched_windows import BatchedWindows
from captum_deconvnet.engine.tape.reach import Extent, Reach


class Kept:
    """A tensor the reverse needs, safe from later in-place changes by the model.

    The recorder replaces ``tensor`` by a copy just before the model overwrites it.
    """

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        """Keep ``tensor`` as it is now."""
        self.tensor = tensor


@dataclass(eq=False)
class Adjoint:
    """The reverse of one recorded operation.

    Called with the signal at the operation's output, it returns one signal for each recorded
    input, each with that input's shape (``None`` where nothing arrives).

    Args:
        reaches: for each recorded input, the extent of it that an extent of the output can see.
    """

    reaches: tuple[Reach, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signals at the inputs."""
        raise NotImplementedError

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The signals of many units at once, inside their windows only.

        An operation without a form of its own runs on whole maps, which is as exact.

        Args:
            signal: the units' signals in their windows of the output, (units, C, h, w).
            output: where these windows lie.
            inputs: where the windows of each input lie; ``None`` where nothing arrives.

        Returns:
            The signals in the windows of each input.
        """
        return run_on_whole_maps(self, signal, output, inputs)

    @property
    def has_windows(self) -> bool:
        """Whether the adjoint has a form for windows of its own."""
        return type(self).windowed is not Adjoint.windowed

    def extents(self, extent: Extent) -> list[Extent]:
        """The extent of each input that ``extent`` of the output can see."""
        return [reach(extent) for reach in self.reaches]

    def kept(self) -> Iterator[Tensor]:
        """Every tensor this adjoint holds."""
        for item in fields(self):
            yield from tensors_in(getattr(self, item.name))


@dataclass(eq=False)
class Custom(Adjoint):
    """A rule from outside: a plain function from signal to signal or signals."""

    function: Callable[[Tensor], Tensor | Sequence[Tensor | None]]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The function's answer, as a sequence."""
        answer = self.function(signal)
        return (answer,) if isinstance(answer, Tensor) else answer

    def kept(self) -> Iterator[Tensor]:
        """The tensors the function closes over."""
        for cell in getattr(self.function, "__closure__", None) or ():
            yield from tensors_in(cell.cell_contents)


@dataclass(eq=False)
class Typed(Adjoint):
    """An operation whose inputs are of another type than its output: promoted, or complex."""

    adjoint: Adjoint
    dtypes: tuple[torch.dtype, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signals, each in its input's type."""
        return self._typed(self.adjoint(signal))

    @property
    def has_windows(self) -> bool:
        """As the operation's adjoint."""
        return self.adjoint.has_windows

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows, each in its input's type."""
        return self._typed(self.adjoint.windowed(signal, output, inputs))

    def _typed(self, signals: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        pairs = zip(signals, self.dtypes, strict=True)
        return [None if signal is None else as_type(signal, dtype) for signal, dtype in pairs]

    def kept(self) -> Iterator[Tensor]:
        """Every tensor the operation's adjoint holds."""
        return self.adjoint.kept()


def as_type(signal: Tensor, dtype: torch.dtype) -> Tensor:
    """The signal in a type; a real activation gets the real part of a complex signal."""
    return (signal.real if signal.is_complex() and not dtype.is_complex else signal).to(dtype)


def tensors_in(item: Any) -> Iterator[Tensor]:
    """Every tensor in a nest of tuples, lists, dictionaries and kept tensors."""
    if isinstance(item, Kept):
        yield item.tensor
    elif isinstance(item, Tensor):
        yield item
    elif isinstance(item, list | tuple):
        for one in item:
            yield from tensors_in(one)
    elif isinstance(item, dict):
        yield from tensors_in(tuple(item.values()))


def nested_map(function: Callable[[Any], Any], item: Any) -> Any:
    """``item`` with ``function`` applied to everything in it that is not a container."""
    if isinstance(item, list | tuple):
        return type(item)(nested_map(function, one) for one in item)
    if isinstance(item, dict):
        return {key: nested_map(function, one) for key, one in item.items()}
    return function(item)


def reduce_to(signal: Tensor, shape: torch.Size) -> Tensor:
    """The adjoint of broadcasting from ``shape``: sum over the dimensions that were repeated."""
    if signal.shape == shape:
        return signal
    extra = signal.dim() - len(shape)
    repeated = [dim + extra for dim, size in enumerate(shape) if size != signal.shape[dim + extra]]
    dims = [*range(extra), *repeated]
    return (signal.sum(dims) if dims else signal).reshape(shape)


def run_in_windows(
    adjoint: Adjoint,
    signal: Tensor,
    output: BatchedWindows,
    inputs: Sequence[BatchedWindows | None],
) -> Sequence[Tensor | None]:
    """Run an adjoint inside windows, or on whole maps where its form does not fit them."""
    try:
        arrived = adjoint.windowed(signal, output, inputs)
    except (RuntimeError, IndexError):
        return run_on_whole_maps(adjoint, signal, output, inputs)
    pairs = zip(arrived, inputs, strict=True)
    if all(new is None or windows is None or new.shape == windows.sizes for new, windows in pairs):
        return arrived
    return run_on_whole_maps(adjoint, signal, output, inputs)


def run_on_whole_maps(
    adjoint: Callable[[Tensor], Sequence[Tensor | None]],
    signal: Tensor,
    output: BatchedWindows | None,
    inputs: Sequence[BatchedWindows | None],
) -> list[Tensor | None]:
    """Run an adjoint on whole maps: what every operation can do.

    ``None`` for windows stands for a value that does not keep images apart: its signal is whole.
    """
    whole = signal if output is None else output.scatter(signal)
    arrived = vmap_adjoint(adjoint, whole)
    return [
        new if new is None or windows is None else windows.gather(new)
        for new, windows in zip(arrived, inputs, strict=True)
    ]


def vmap_adjoint(
    adjoint: Callable[[Tensor], Sequence[Tensor | None]], signals: Tensor
) -> list[Tensor | None]:
    """An adjoint over every signal along the first dimension."""
    is_given: list[bool] = []

    def back(signal: Tensor) -> list[Tensor]:
        arrived = adjoint(signal)
        is_given[:] = [one is not None for one in arrived]
        return [one for one in arrived if one is not None]

    found = iter(vmap_signals(back, signals))
    return [next(found) if given else None for given in is_given]


def vmap_signals(back: Callable[[Tensor], list[Tensor]], signals: Tensor) -> list[Tensor]:
    """``back`` of every signal along the first dimension, at once when there are many."""
    if signals.shape[0] == 1:
        return [answer.unsqueeze(0) for answer in back(signals[0])]
    return list(torch.vmap(back)(signals))
