"""How tensors lie in memory: copies for many windows lie as the one that they are made of."""

from __future__ import annotations

import torch
from torch import Tensor


def room(like: Tensor, rows: int, dtype: torch.dtype | None = None) -> Tensor:
    """Room for ``rows`` pictures, laid out in memory as ``like`` (N, ...) is.

    Pictures that overlap in memory, or have gaps, are laid out as ``clone`` would do it.
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


def copies(tensor: Tensor, count: int, dtype: torch.dtype | None = None) -> Tensor:
    """``count`` copies of all pictures of ``tensor``, one copy after another: (count * N, ...)."""
    found = room(tensor, count * len(tensor), dtype)
    found.view(count, *tensor.shape).copy_(tensor)
    return found
