"""Linear operations without weights, each with its exact adjoint written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Call
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, as_type, reduce_to
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows, fitted
from captum_deconvnet.engine.tape.reach import Reach, permuted, pointwise, reshaped, unchanged


@dataclass(eq=False)
class Reshape(Adjoint):
    """The same numbers in another shape (view, clone, identity)."""

    shape: torch.Size

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal in the input's shape."""
        return (signal if signal.shape == self.shape else signal.reshape(self.shape),)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows in the input's shape, if they lie along dimensions it has as well."""
        (given,) = inputs
        if given is None:
            return (None,)
        if output.shape == given.shape:
            return (given.fit(signal, output.first),)
        kept = dict(unchanged(list(given.shape), list(output.shape)))
        if not all(
            output.is_whole(dim) for dim in range(1, signal.dim()) if dim not in kept.values()
        ):
            return super().windowed(signal, output, inputs)
        shape, origin = [len(signal), *given.shape[1:]], [0] * len(given.shape)
        for dim, place in kept.items():
            shape[dim], origin[dim] = signal.shape[place], output.first[place]
        return (given.fit(signal.reshape(shape), origin),)


@dataclass(eq=False)
class Cast(Adjoint):
    """The same numbers in another type or on another device."""

    dtype: torch.dtype
    device: torch.device

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal in the input's type, on its device."""
        return (as_type(signal.to(self.device), self.dtype),)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows in the input's type."""
        (given,) = inputs
        typed = as_type(signal.to(self.device), self.dtype)
        return (fitted(given, typed, output.first),)


@dataclass(eq=False)
class Permute(Adjoint):
    """Dimensions in another order."""

    inverse: tuple[int, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal with its dimensions put back."""
        return (signal.permute(self.inverse),)

    @property
    def has_windows(self) -> bool:
        """Only while the images stay first."""
        return self.inverse[0] == 0

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows with their dimensions put back."""
        (given,) = inputs
        if given is None or not self.has_windows:
            return super().windowed(signal, output, inputs)
        origin = [output.first[dim] for dim in self.inverse]
        return (given.fit(signal.permute(self.inverse), origin),)


@dataclass(eq=False)
class Sum(Adjoint):
    """Tensors added, each times a number: every one of them gets the signal."""

    shapes: tuple[torch.Size, ...]
    factors: tuple[float, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal, times each factor, summed over what was broadcast."""
        return [
            reduce_to(signal if factor == 1 else signal * factor, shape)
            for shape, factor in zip(self.shapes, self.factors, strict=True)
        ]

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows, times each factor, summed over what was broadcast."""
        if not output.broadcasts_from(self.shapes):
            return super().windowed(signal, output, inputs)
        return [
            None
            if given is None
            else given.reduce(signal if factor == 1 else signal * factor, output.first)
            for given, factor in zip(inputs, self.factors, strict=True)
        ]


@dataclass(eq=False)
class Scale(Adjoint):
    """An elementwise product with recorded or constant factors."""

    shape: torch.Size
    factors: tuple[Kept | Tensor | float, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal times the factors."""
        for factor in self.factors:
            recorded = factor.tensor if isinstance(factor, Kept) else factor
            signal = signal * (
                recorded.conj() if isinstance(recorded, Tensor) else recorded.conjugate()
            )
        return (reduce_to(signal, self.shape),)

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows times the factors there."""
        (given,) = inputs
        if given is None or not output.broadcasts_from((self.shape,)):
            return super().windowed(signal, output, inputs)
        for factor in self.factors:
            recorded = factor.tensor if isinstance(factor, Kept) else factor
            if isinstance(recorded, Tensor):
                signal = signal * output.crop(recorded).conj()
            else:
                signal = signal * recorded.conjugate()
        return (given.reduce(signal, output.first),)


def reshape(call: Call) -> Adjoint:
    """The same numbers, perhaps in another shape: view, flatten, clone, contiguous."""
    (tensor,) = call.inputs
    shape = tensor.shape  # before it runs: squeeze_ gives the tensor itself another
    return Reshape((_same_numbers(shape, call.first_output.shape),), shape)


def cast(call: Call) -> Adjoint:
    """Another type or device: the signal is brought back to the input's."""
    (tensor,) = call.inputs
    dtype, device = tensor.dtype, tensor.device
    return Cast((pointwise(tensor.shape),), dtype, device)


def blocked(call: Call) -> None:
    """Nothing flows back: comparisons, detached tensors, shapes."""


def permute(call: Call) -> Adjoint:
    """Dimensions in another order: permute, transpose, t."""
    (tensor,) = call.inputs
    order = _order(call, tensor.dim())
    inverse = tuple(order.index(dim) for dim in range(len(order)))
    return Permute((permuted(order),), inverse)


def _order(call: Call, dimensions: int) -> list[int]:
    order = list(range(dimensions))
    if call.argument("dims") is not None:
        return [dim % dimensions for dim in call.argument("dims")]
    pair = (call.argument("dim0", otherwise=0), call.argument("dim1", otherwise=1))
    if dimensions > 1:
        one, other = (dim % dimensions for dim in pair)
        order[one], order[other] = other, one
    return order


def expand(call: Call) -> Adjoint:
    """Repeated along new or single dimensions: the signal is summed over them."""
    (tensor,) = call.inputs
    return Sum((pointwise(tensor.shape),), (tensor.shape,), (1.0,))


def copy(call: Call) -> Adjoint:
    """Written over another tensor: the source gets the signal."""
    return _overwritten(call, call.argument("src"))


def fill(call: Call) -> Adjoint:
    """Filled with one number, which may be an activation: it gets the sum of the signal."""
    return _overwritten(call, call.argument("value"))


def _overwritten(call: Call, source: Any) -> Adjoint:
    """What is written is what counts: as a gate, too."""
    written = call.value(source)
    if written is not None:
        call.gate = written.gate
    call.inputs = [tensor for tensor in call.inputs if tensor is source][:1]
    return _sum(call, (1.0,) * len(call.inputs))


def add(call: Call) -> Adjoint:
    """A sum or difference: every summand gets the signal."""
    sign = -1.0 if "sub" in str(call.function) else 1.0
    return _sum_of_two(call, 1.0, sign * float(call.argument("alpha")))


def rsub(call: Call) -> Adjoint:
    """A number or tensor minus a tensor."""
    return _sum_of_two(call, -float(call.argument("alpha")), 1.0)


def negate(call: Call) -> Adjoint:
    """The sign turned."""
    return _sum(call, (-1.0,))


def _sum_of_two(call: Call, factor: float, other_factor: float) -> Adjoint:
    one, other = call.argument("self"), call.argument("other")
    if one is other:
        return _sum(call, (factor, other_factor))
    return _sum(call, tuple(other_factor if t is other else factor for t in call.inputs))


def _sum(call: Call, factors: tuple[float, ...]) -> Adjoint:
    shapes = tuple(tensor.shape for tensor in call.inputs)
    return Sum(tuple(pointwise(shape) for shape in shapes), shapes, factors)


def _same_numbers(shape: torch.Size, output_shape: torch.Size) -> Reach:
    return pointwise(shape) if shape == output_shape else reshaped(shape, output_shape)
