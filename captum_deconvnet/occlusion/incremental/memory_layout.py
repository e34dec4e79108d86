"""How tensors lie in memory: what is made for many windows lies as what it is made from.

Kernels and rounding depend on the layout, so a model must see the one that the user gave.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def empty_batch(like: Tensor, rows: int, dtype: torch.dtype | None = None) -> Tensor:
    """Uninitialised memory for ``rows`` images, laid out as ``like`` (N, ...) is.

    Images that overlap in memory, or have gaps, are laid out as ``clone`` would do it.
    """
    shape, kind = (rows, *like.shape[1:]), dtype or like.dtype
    if like.is_contiguous():
        return torch.empty(shape, dtype=kind, device=like.device)
    strides = torch.empty_like(like, device="meta").stride()
    size = like.shape[1:].numel()
    if len(like) <= 1 or strides[0] == size:
        return torch.empty_strided(shape, (size, *strides[1:]), dtype=kind, device=like.device)
    order = sorted(range(like.dim()), key=lambda dim: -strides[dim])
    return torch.empty_permuted(shape, order, dtype=kind, device=like.device)


def batch_copies(tensor: Tensor, count: int, dtype: torch.dtype | None = None) -> Tensor:
    """``count`` copies of all images of ``tensor``, one copy after another: (count * N, ...)."""
    found = empty_batch(tensor, count * len(tensor), dtype)
    found.view(count, *tensor.shape).copy_(tensor)
    return found


def empty_shape(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Uninitialised memory of another shape; channels last if ``like`` is."""
    is_last = like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if is_last else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


def channels_last(tensor: Tensor) -> Tensor:
    """Images channels last, where filters are fastest on a CPU."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def repeated(tensor: Tensor, dim: int, count: int) -> Tensor:
    """``tensor`` repeated ``count`` times along ``dim``; a single image is not copied."""
    if count == 1:
        return tensor
    if dim == 0 and tensor.shape[0] == 1:
        return tensor.expand(count, *tensor.shape[1:])
    return tensor.repeat(*(count if place == dim else 1 for place in range(tensor.dim())))
