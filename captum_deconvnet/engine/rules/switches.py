"""Switches: a max pool remembers where each maximum was, and unpooling puts values back there.

Zeiler & Fergus (2014), section 2.1. Where windows overlap, one place can be the maximum of
several; every value is *added* at its switch (the adjoint of the selection). ``MaxUnpool2d``
would overwrite, and can lose the signal altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call
from captum_deconvnet.engine.rules.pools import Window, window_of
from captum_deconvnet.engine.rules.rectifiers import clip
from captum_deconvnet.engine.rules.replay import gradient
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, reduce_to
from captum_deconvnet.engine.tape.batched_windows import Frame
from captum_deconvnet.engine.tape.reach import (
    adaptive,
    pointwise,
    pooling_windows,
    reduced,
    whole_along,
)


@dataclass(eq=False)
class Unpool(Adjoint):
    """Every pooled value is added at its switch.

    Args:
        window: the windows.
        switches: the number of the maximum in each window.
        shape: the shape of the input.
        ceil_mode: whether a last window may hang over the border.
        sees: which windows have an element in the input; ``None`` if all have.
    """

    window: Window
    switches: Tensor
    shape: torch.Size
    ceil_mode: bool
    sees: Tensor | None = None

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The unpooled signal, at exactly the input's size."""
        window, shape_only = self.window, signal.new_empty(1).expand(self.shape)
        geometry = (window.kernel, window.stride, window.padding, window.dilation)
        indices = window.decode(self.switches)
        if self.sees is not None:
            signal, indices = signal * self.sees, indices.clamp(0, prod(window.size) - 1)
        unpool = _BACKWARD[len(window.size)]
        return (unpool(signal, shape_only, *geometry, self.ceil_mode, indices),)

    def windowed(
        self, signal: Tensor, output: Frame, inputs: Sequence[Frame | None]
    ) -> Sequence[Tensor | None]:
        """The windows unpooled to the switches in them."""
        (given,) = inputs
        if given is None:
            return (None,)
        count = len(self.window.size)
        switches = output.take(self.switches).expand(signal.shape)
        if self.sees is not None:
            signal = signal * output.take(self.sees)
        window = self.window.over(signal.shape[-count:])
        flat = window.decode(switches).flatten(-count)
        unpooled = signal.new_zeros(*signal.shape[:-count], prod(window.size))
        unpooled.scatter_add_(-1, flat, signal.flatten(-count))
        unpooled = unpooled.view(*signal.shape[:-count], *window.size)
        return (given.fit(unpooled, self.window.origin(output.first)),)


_BACKWARD = {
    2: torch.ops.aten.max_pool2d_with_indices_backward,
    3: torch.ops.aten.max_pool3d_with_indices_backward,
}


def max_pool(call: Call) -> Answer:
    """Max pooling with windows of any shape."""
    (image,) = call.inputs
    window = window_of(call, image, 3 if "3d" in str(call.function) else 2)
    _, indices = call.output
    switches = window.encode(indices)
    if not call.family.pool_switches:
        switches = _centres(window, switches)
    sees = window.sees(indices.shape)
    sees = None if sees is None else sees.to(image.device)
    reach = pooling_windows(window.kernel, window.stride, window.padding, window.dilation)
    return [Unpool((reach,), window, switches, image.shape, call.argument("ceil_mode"), sees)]


def _centres(window: Window, switches: Tensor) -> Tensor:
    """The number of the middle element of each window, or of the one next to it in the map."""
    numbers = torch.zeros((), dtype=torch.int64)
    for axis, kernel in enumerate(window.kernel):
        first, last = window.inside(axis, switches.shape[axis - len(window.size)])
        element = (
            torch.full_like(first, (kernel - 1) // 2).clamp(min=first).clamp(max=last).clamp(min=0)
        )
        numbers = numbers.unsqueeze(-1) * kernel + element
    return numbers.to(switches).expand_as(switches)


@dataclass(eq=False)
class Scatter(Adjoint):
    """Every value is added at its recorded index along one dimension (or a flattened range)."""

    shape: torch.Size
    dim: int
    indices: Tensor
    flatten: int

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """Zeros with the signal added at the indices."""
        flat = (*self.shape[: self.dim], prod(self.shape[self.dim : self.dim + self.flatten]))
        flat = (*flat, *self.shape[self.dim + self.flatten :])
        indices = self.indices.long()
        placed = signal.new_zeros(flat).scatter_add(
            self.dim, indices, signal.reshape(indices.shape)
        )
        return (placed.reshape(self.shape),)


def adaptive_max_pool(call: Call) -> Answer:
    """Adaptive or fractional max pooling: indices into the flattened map."""
    (image,) = call.inputs
    pooled, indices = call.output
    count = 3 if "3d" in str(call.function) else 2
    flat = indices.flatten(-count)
    reach = adaptive(image.shape, pooled.shape, count)
    if "fractional" in str(call.function):  # windows at places drawn by chance
        reach = whole_along(range(image.dim() - count, image.dim()))
    switches = _smallest(flat, prod(image.shape[-count:]))
    return [Scatter((reach,), image.shape, image.dim() - count, switches, count)]


def max_along(call: Call) -> Answer:
    """The maximum (or minimum, or median) along one dimension, with its index."""
    (tensor,) = call.inputs
    if call.argument("dim") is None:
        return gradient(call)
    dim, keepdim = call.argument("dim") % tensor.dim(), call.argument("keepdim")
    _, indices = call.output
    reach = reduced((dim,), tensor.dim(), keepdim=keepdim)
    indices = indices if keepdim else indices.unsqueeze(dim)
    switches = _smallest(indices, tensor.shape[dim])
    return [Scatter((reach,), tensor.shape, dim, switches, 1)]


def _smallest(indices: Tensor, count: int) -> Tensor:
    """Indices below ``count`` in the smallest integer type that holds them."""
    for dtype, limit in ((torch.uint8, 1 << 8), (torch.int16, 1 << 15), (torch.int32, 1 << 31)):
        if count <= limit:
            return indices.to(dtype)
    return indices


@dataclass(eq=False)
class Share(Adjoint):
    """Equal maxima share the signal, as torch's ``amax`` has it."""

    chosen: Tensor
    dims: tuple[int, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal, in equal parts, at every maximum."""
        share = self.chosen.sum(self.dims, keepdim=True).to(signal.dtype)
        return (self.chosen * (signal.reshape(share.shape) / share),)


def amax(call: Call) -> Answer:
    """The maximum or minimum over several dimensions."""
    (tensor,) = call.inputs
    dims = tuple(dim % tensor.dim() for dim in call.argument("dim")) or tuple(range(tensor.dim()))
    reach = reduced(dims, tensor.dim(), keepdim=call.argument("keepdim"))
    kept = [1 if dim in dims else size for dim, size in enumerate(tensor.shape)]
    return Share((reach,), tensor == call.output.reshape(kept), dims)


@dataclass(eq=False)
class Choose(Adjoint):
    """The larger of two tensors: the signal goes to the one that was chosen."""

    shapes: tuple[torch.Size, ...]
    weights: tuple[Kept | Tensor, ...]

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal, split by the recorded choice."""
        return [
            reduce_to(signal * (weight.tensor if isinstance(weight, Kept) else weight), shape)
            for weight, shape in zip(self.weights, self.shapes, strict=True)
        ]

    def windowed(
        self, signal: Tensor, output: Frame, inputs: Sequence[Frame | None]
    ) -> Sequence[Tensor | None]:
        """The windows, split by the recorded choice there."""
        if not output.broadcasts_from(self.shapes):
            return super().windowed(signal, output, inputs)
        weights = [kept.tensor if isinstance(kept, Kept) else kept for kept in self.weights]
        return [
            None if given is None else given.reduce(signal * output.take(weight), output.first)
            for given, weight in zip(inputs, weights, strict=True)
        ]


def maximum(call: Call) -> Answer:
    """The elementwise larger of two tensors (maxout); the larger of one and a constant clips it."""
    if call.family.exact:
        return gradient(call)
    one, other = call.argument("self"), call.argument("other")
    is_least = "min" in str(call.function)
    constants = [tensor for tensor in (one, other) if call.value(tensor) is None]
    shape = torch.broadcast_shapes(one.shape, other.shape)  # type: ignore[no-untyped-call]
    if constants and call.inputs[0].shape == shape:
        (bound,) = constants
        return clip(call, None, bound) if is_least else clip(call, bound, None)
    beats = torch.lt if is_least else torch.gt
    weights = {id(one): beats(one, other), id(other): beats(other, one)}
    tie = (one == other) * 0.5
    picked = tuple(weights[id(tensor)] + tie for tensor in call.inputs)
    shapes = tuple(tensor.shape for tensor in call.inputs)
    return Choose(tuple(pointwise(shape) for shape in shapes), shapes, picked)
