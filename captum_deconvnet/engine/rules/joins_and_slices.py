"""Joining, stacking, slicing, splitting and padding tensors, each with its exact adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call
from captum_deconvnet.engine.rules.reaches import padded
from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows, fitted
from captum_deconvnet.engine.tape.reach import Reach, affine, inserted, removed


@dataclass(eq=False)
class TakeSlices(Adjoint):
    """Tensors joined along one dimension: each gets its slice of the signal."""

    dim: int
    slices: tuple[tuple[int, int], ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """One slice of the signal for each recorded input."""
        return [signal.narrow(self.dim, start, length) for start, length in self.slices]

    @property
    def has_windows(self) -> bool:
        """Only while the images stay apart."""
        return self.dim > 0

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """For each input the windows moved to where its slice begins; the rest falls outside."""
        if not self.has_windows:
            return super().windowed(signal, output, inputs)
        return [
            fitted(given, signal, output.moved_start(self.dim, -start))
            for given, (start, _) in zip(inputs, self.slices, strict=True)
        ]


@dataclass(eq=False)
class TakePlaces(Adjoint):
    """Tensors stacked along a new dimension: each gets its place of the signal."""

    dim: int
    places: tuple[int, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """One place of the signal for each recorded input."""
        return [signal.select(self.dim, place) for place in self.places]


@dataclass(eq=False)
class PutBack(Adjoint):
    """A slice taken: the signal goes back to its place, zeros around it."""

    shape: torch.Size
    index: tuple[slice | int, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """Zeros with the signal put in at the slice."""
        result = signal.new_zeros(self.shape)
        result[self.index] = signal
        return (result,)

    @property
    def has_windows(self) -> bool:
        """Only for a range of a dimension that is not the images'."""
        return len(self.index) > 1 and isinstance(self.index[-1], slice)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows moved, and their elements set apart, as the slice has it."""
        (given,), dim, taken = inputs, len(self.index) - 1, self.index[-1]
        if given is None or not self.has_windows:
            return super().windowed(signal, output, inputs)
        assert isinstance(taken, slice)
        step = taken.step or 1
        if step > 1:
            signal = _insert_zeros(signal, dim, step)
        origin = list(output.first)
        origin[dim] = origin[dim] * step + taken.start
        return (given.fit(signal, origin),)


def _insert_zeros(signal: Tensor, dim: int, step: int) -> Tensor:
    """Zeros between the elements along one dimension."""
    shape = list(signal.shape)
    shape[dim] = (shape[dim] - 1) * step + 1
    result = signal.new_zeros(shape)
    result[(*(slice(None),) * dim, slice(None, None, step))] = signal
    return result


@dataclass(eq=False)
class DropBorder(Adjoint):
    """A border of constants put around a tensor: the signal there is dropped.

    Args:
        pads: as torch has them, pairs from the last dimension on; negative where it was cropped.
    """

    pads: tuple[int, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal without the border, zero where the tensor was cropped."""
        return (F.pad(signal, [-amount for amount in self.pads]),)

    @property
    def has_windows(self) -> bool:
        """Only while the images stay apart."""
        return True

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows moved; the border falls outside."""
        (given,) = inputs
        origin = list(output.first)
        for pair, before in enumerate(self.pads[::2]):
            origin[len(origin) - 1 - pair] -= before
        return (fitted(given, signal, origin),)


def pad_constant(call: Call) -> Answer:
    """Padding with zeros or a number; a negative amount crops."""
    (tensor,) = call.inputs
    return DropBorder((padded(call, tensor),), tuple(call.argument("pad")))


def concatenate(call: Call) -> Adjoint:
    """Tensors joined along a dimension."""
    given = call.argument("tensors")
    joined = [tensor for tensor in given if tensor.shape != (0,)] or given
    call.freeze(*(tensor for tensor in given if not any(tensor is other for other in joined)))
    dim = call.argument("dim") % joined[0].dim()
    flowing = {id(tensor) for tensor in call.inputs}
    slices, reaches, start = [], [], 0
    for tensor in joined:
        if id(tensor) in flowing:
            slices.append((start, tensor.shape[dim]))
            reaches.append(affine(dim, 1, -start))
        start += tensor.shape[dim]
    return TakeSlices(tuple(reaches), dim, tuple(slices))


def stack(call: Call) -> Adjoint:
    """Tensors joined along a new dimension."""
    stacked = call.argument("tensors")
    dim = call.argument("dim") % (stacked[0].dim() + 1)
    flowing = {id(tensor) for tensor in call.inputs}
    places = tuple(place for place, tensor in enumerate(stacked) if id(tensor) in flowing)
    return TakePlaces(tuple(removed(dim) for _ in places), dim, places)


def slice_range(call: Call) -> Adjoint:
    """A range of one dimension."""
    (tensor,) = call.inputs
    dim = call.argument("dim") % tensor.dim()
    start, stop, step = slice(
        call.argument("start"), call.argument("end"), call.argument("step")
    ).indices(tensor.shape[dim])
    return _put_back(tensor, dim, slice(start, stop, step), affine(dim, step, start))


def select(call: Call) -> Adjoint:
    """One place of one dimension."""
    (tensor,) = call.inputs
    dim = call.argument("dim") % tensor.dim()
    place = call.argument("index") % tensor.shape[dim]
    return _put_back(tensor, dim, place, inserted(dim, place))


def unbind(call: Call) -> list[Adjoint]:
    """Every place of one dimension, a tensor each."""
    (tensor,) = call.inputs
    dim = call.argument("dim") % tensor.dim()
    return [
        _put_back(tensor, dim, place, inserted(dim, place)) for place in range(tensor.shape[dim])
    ]


def split(call: Call) -> list[Adjoint]:
    """Consecutive ranges of one dimension, a tensor each: split, chunk."""
    (tensor,) = call.inputs
    dim, start = call.argument("dim") % tensor.dim(), 0
    adjoints: list[Adjoint] = []
    for piece in call.output:
        stop = start + piece.shape[dim]
        adjoints.append(_put_back(tensor, dim, slice(start, stop), affine(dim, 1, start)))
        start = stop
    return adjoints


def _put_back(tensor: Tensor, dim: int, index: slice | int, reach: Reach) -> PutBack:
    return PutBack((reach,), tensor.shape, (*(slice(None),) * dim, index))
