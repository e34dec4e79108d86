"""Switches: a max pool remembers where each maximum was, and unpooling puts values back there.

Zeiler & Fergus (2014), section 2.1. Where windows overlap, one place can be the maximum of
several; every value is *added* at its switch (the adjoint of the selection). ``MaxUnpool2d``
would overwrite, and can lose the signal altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint, Kept, reduce_to
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.reach import adaptive, pointwise, reduced, windows
from captum_deconvnet.projection.rectifiers import rectify
from captum_deconvnet.projection.replay import gradient


@dataclass(frozen=True)
class Window:
    """The windows of a max pool over an input of ``size`` (rows, columns, ...), in pixels."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def pitches(self) -> tuple[int, ...]:
        """How far apart neighbours along each axis lie in the flattened map."""
        return tuple(prod(self.size[axis + 1 :]) for axis in range(len(self.size)))

    def corners(self, pooled: Sequence[int], device: torch.device) -> Tensor:
        """The flat position of the first element of every window; negative inside padding."""
        corner = torch.zeros((), dtype=torch.int64, device=device)
        for axis, count in enumerate(pooled):
            start = torch.arange(count, device=device) * self.stride[axis] - self.padding[axis]
            corner = corner.unsqueeze(-1) + start * self.pitches[axis]
        return corner

    def offsets(self, device: torch.device) -> Tensor:
        """The flat position of every element of a window, from its first."""
        steps = product(*(range(count) for count in self.kernel))
        scale = [pitch * step for pitch, step in zip(self.pitches, self.dilation, strict=True)]
        flat = [sum(a * b for a, b in zip(place, scale, strict=True)) for place in steps]
        return torch.tensor(flat, dtype=torch.int64, device=device)

    def encode(self, indices: Tensor) -> Tensor:
        """Switches as the number of the element in its window, in one byte where that fits."""
        offsets = self.offsets(indices.device)
        dtype = torch.uint8 if len(offsets) <= 256 else torch.int32
        numbers = torch.zeros(int(offsets.max()) + 1, dtype=dtype, device=indices.device)
        numbers[offsets] = torch.arange(len(offsets), device=indices.device).to(dtype)
        offset = indices - self._corners(indices)
        return numbers.index_select(0, offset.flatten()).view(indices.shape)

    def decode(self, switches: Tensor) -> Tensor:
        """Switches as flat positions in the map, as torch's pooling gives them."""
        offsets = self.offsets(switches.device)
        offset = offsets.index_select(0, switches.flatten().int()).view(switches.shape)
        return offset.add_(self._corners(switches))

    def _corners(self, pooled: Tensor) -> Tensor:
        return self.corners(pooled.shape[-len(self.size) :], pooled.device)


@dataclass(eq=False)
class Unpool(Adjoint):
    """Every pooled value is added at its switch."""

    window: Window
    switches: Tensor
    shape: torch.Size
    ceil_mode: bool

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The unpooled signal, at exactly the input's size."""
        window, shape_only = self.window, signal.new_empty(1).expand(self.shape)
        geometry = (window.kernel, window.stride, window.padding, window.dilation)
        indices = window.decode(self.switches)
        unpool = _BACKWARD[len(window.size)]
        return (unpool(signal, shape_only, *geometry, self.ceil_mode, indices),)


_BACKWARD = {
    2: torch.ops.aten.max_pool2d_with_indices_backward,
    3: torch.ops.aten.max_pool3d_with_indices_backward,
}


def max_pool(call: Call) -> Answer:
    """Max pooling with windows of any shape."""
    (image,) = call.inputs
    window = _window(call, image)
    _, indices = call.output
    switches = window.encode(indices)
    if not call.family.pool_switches:
        switches = torch.full_like(switches[:1, :1], _centre(window.kernel)).expand_as(switches)
    reach = windows(window.kernel, window.stride, window.padding, window.dilation)
    return [Unpool((reach,), window, switches, image.shape, call.argument("ceil_mode"))]


def _window(call: Call, image: Tensor) -> Window:
    count = 3 if "3d" in str(call.function) else 2
    kernel = _spread(call.argument("kernel_size"), count)
    stride = _spread(call.argument("stride") or kernel, count)
    padding = _spread(call.argument("padding"), count)
    dilation = _spread(call.argument("dilation"), count)
    return Window(tuple(image.shape[-count:]), kernel, stride, padding, dilation)


def _spread(numbers: Any, count: int) -> tuple[int, ...]:
    given = [numbers] if isinstance(numbers, int) else list(numbers)
    return tuple(given * (count if len(given) == 1 else 1))


def _centre(kernel: Sequence[int]) -> int:
    """The number of the middle element of a window."""
    number = 0
    for count in kernel:
        number = number * count + (count - 1) // 2
    return number


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
    keepdim: bool

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal, in equal parts, at every maximum."""
        if not self.keepdim:
            signal = _with_dims(signal, self.dims)
        share = self.chosen.sum(self.dims, keepdim=True).to(signal.dtype)
        return (self.chosen * (signal / share),)


def _with_dims(tensor: Tensor, dims: Sequence[int]) -> Tensor:
    """A reduced tensor with its reduced dimensions back, one element each."""
    for dim in sorted(dims):
        tensor = tensor.unsqueeze(dim)
    return tensor


def amax(call: Call) -> Answer:
    """The maximum or minimum over several dimensions."""
    (tensor,) = call.inputs
    dims = tuple(dim % tensor.dim() for dim in call.argument("dim")) or tuple(range(tensor.dim()))
    keepdim = call.argument("keepdim")
    best = call.output if keepdim else _with_dims(call.output, dims)
    reach = reduced(dims, tensor.dim(), keepdim=keepdim)
    return Share((reach,), tensor == best, dims, keepdim)


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


def _other_is_zero(call: Call) -> bool:
    """Whether the tensor that the activation is compared with is zero throughout."""
    (tensor,) = call.inputs
    constant = next(given for given in call.args[:2] if given is not tensor)
    return call.first_output.shape == tensor.shape and not bool(constant.any())


def maximum(call: Call) -> Answer:
    """The elementwise larger of two tensors (maxout); against a zero it is a ReLU."""
    if call.family.exact:
        return gradient(call)
    one, other = call.argument("self"), call.argument("other")
    if "max" in str(call.function) and len(call.inputs) == 1 and _other_is_zero(call):
        call.kind, call.rule = "paper", "rectify"
        return rectify(call)
    beats = torch.lt if "min" in str(call.function) else torch.gt
    weights = {id(one): beats(one, other), id(other): beats(other, one)}
    tie = (one == other) * 0.5
    picked = tuple(weights[id(tensor)] + tie for tensor in call.inputs)
    shapes = tuple(tensor.shape for tensor in call.inputs)
    return Choose(tuple(pointwise(shape) for shape in shapes), shapes, picked)
