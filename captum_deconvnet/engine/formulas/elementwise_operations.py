"""Elementwise operations by name, and how they are worked out on a few numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

LARGEST_CONSTANT = 1 << 12


def _same(tensor: Tensor, *_: Any, **__: Any) -> Tensor:
    return tensor if tensor.dtype == torch.bool else tensor.double()


def _converted(tensor: Tensor, *, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
    """A copy in another type: whole numbers are cut off, any others are worked out exactly."""
    if dtype is None or (dtype.is_floating_point and tensor.dtype != torch.bool):
        return _same(tensor)
    made = tensor.to(dtype)
    return made if dtype == torch.bool else made.double()


def _leaky(tensor: Tensor, noise: Tensor, lower: float, upper: float, *_: Any) -> Tensor:
    return torch.where(tensor > 0, tensor, tensor * ((lower + upper) / 2))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


COPIES = _names("copy index clone alias contiguous lift_fresh _to_copy")
REPLACED: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys(["clone", "alias", "contiguous", "lift_fresh"], _same),
    "_to_copy": _converted,
    "zeros_like": lambda tensor, **_: torch.zeros_like(tensor),
    "ones_like": lambda tensor, **_: torch.ones_like(tensor),
    "full_like": lambda tensor, fill, **_: torch.full_like(tensor, fill),
    "rrelu_with_noise": _leaky,
    "copy": _same,
    "index": lambda tensor, indices: tensor,
    "where chosen": lambda tensor, mask, values: torch.where(mask, values, tensor),
}
"""Operations that are worked out otherwise than by calling them."""

SUMS = COPIES | _names("add sub rsub neg mul div")
"""With one activation, or where only sums are taken, as linear as what they were given."""

CLIPS = _names("clamp clamp_min clamp_max hardtanh")

WITHOUT_SIGNAL = _names(
    "zeros_like ones_like full_like eq ne gt ge lt le sign sgn heaviside "
    "logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or"
)
"""No signal goes back through them."""

RULED = _names(
    "relu gelu silu mish hardswish elu softplus celu selu clamp clamp_min clamp_max hardtanh "
    "threshold sigmoid hardsigmoid leaky_relu rrelu_with_noise _prelu_kernel tanh erf "
    "log_sigmoid_forward hardshrink softshrink"
)
"""Nonlinear functions that have a rule of their own."""

WITHOUT_RULE = _names(
    "abs pow sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p erfc sin cos tan atan asinh "
    "sinh cosh special_log_ndtr special_ndtr square"
)
"""Functions of one activation that are no activation by themselves."""

MERGES = _names(
    "where masked_fill index_put maximum minimum fmax fmin logaddexp logaddexp2 addcmul addcdiv "
    "lerp xlogy copysign"
)

ELEMENTWISE = SUMS | WITHOUT_SIGNAL | RULED | WITHOUT_RULE | MERGES
"""Operations whose output at a place depends on nothing but their arguments there."""


def shape_of(*shapes: torch.Size) -> torch.Size:
    """The shape that these broadcast to."""
    found: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    return found


def constant(tensor: Tensor) -> Tensor | None:
    """A constant as a formula keeps it: a copy, of one number if it is uniform.

    ``None`` for what is too large to be one number a channel.
    """
    flat = tensor.detach().flatten()
    if flat.numel() > LARGEST_CONSTANT:
        if not bool(flat[0] == flat[-1]) or not bool((flat == flat[0]).all()):
            return None
        tensor = flat[0]
    return tensor.detach().clone()
