"""Switches: a max pool remembers where each maximum was, and unpooling puts values back there.

Zeiler & Fergus (2014), section 2.1. Where windows overlap, one place can be the maximum of
several; every value is *added* at its switch (the adjoint of the selection). ``MaxUnpool2d``
would overwrite, and can lose the signal altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call, Rule
from captum_deconvnet.engine.rules.pools import Window, window_of
from captum_deconvnet.engine.rules.replay import gradient, replays
from captum_deconvnet.engine.tape.adjoint import Adjoint
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows
from captum_deconvnet.engine.tape.reach import (
    adaptive,
    pooling_windows,
    reduced,
    whole,
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
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows unpooled to the switches in them."""
        (given,) = inputs
        if given is None:
            return (None,)
        count = len(self.window.size)
        switches = output.crop(self.switches).expand(signal.shape)
        if self.sees is not None:
            signal = signal * output.crop(self.sees)
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


_MAX_POOLS = (torch.ops.aten.max_pool2d_with_indices, torch.ops.aten.max_pool3d_with_indices)


def random_switches(generator: torch.Generator) -> dict[object, Rule]:
    """Rules for ``rules=`` with which each max pool's switches are drawn at random.

    The forward pass is what it was. In the backward pass each pooled value goes to any place of its
    window inside the image, all equally likely, and not to where the maximum was.

    Args:
        generator: where chance comes from; of the CPU.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2))
        >>> rules = cdn.rules.random_switches(torch.Generator().manual_seed(0))
        >>> recording = cdn.record(net, torch.rand(1, 1, 8, 8), "1", rules=rules)
        >>> recording.receipt.entries[-1].rule
        'random_switches'
    """

    def rule(call: Call) -> Unpool:
        answer = max_pool(call)
        assert isinstance(answer, list)
        (unpool,) = answer
        assert isinstance(unpool, Unpool)
        shape = call.output[1].shape
        drawn = unpool.window.draw(shape, generator).to(unpool.switches.device)
        return replace(unpool, switches=drawn.to(unpool.switches.dtype))

    rule.__name__ = "random_switches"
    return dict.fromkeys(_MAX_POOLS, rule)


def pooled_boxes(call: Call) -> Answer:
    """The largest value of every bin of every box: the signal goes back to where it stood."""
    image = call.argument("input")
    others = [tensor for tensor in call.inputs if tensor is not image]
    if not call.flows(image) or (others and call.family.exact):
        return gradient(call)
    call.freeze(*others)
    return replays(call, keep=True, reaches=(whole(image.dim()),))
