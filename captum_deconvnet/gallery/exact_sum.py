"""Sums of floating-point numbers that do not depend on the order of adding.

A float32 is a whole number of 24 bits times a power of two. The sum is kept as one long integer in
limbs of 32 bits, so that adding is integer arithmetic: exact, and the same in any order and in any
number of processes. (The idea is Kulisch's long accumulator.)
"""

from __future__ import annotations

import torch
from torch import Tensor

MANTISSA = 24
LOWEST = -149
"""The exponent of the smallest float32."""

LIMB = 32
LIMBS = 10
"""Limbs that hold every float32: 24 + 254 bits, and the carry of the last."""


def empty(count: int, device: torch.device | str = "cpu") -> Tensor:
    """The sums of nothing: ``(LIMBS, count)`` zeros."""
    return torch.zeros(LIMBS, count, dtype=torch.int64, device=device)


def add(limbs: Tensor, numbers: Tensor) -> Tensor:
    """The sums with ``numbers`` (N, count), finite float32, added along N; up to 2**31 in all."""
    mantissa, exponent = torch.frexp(numbers)
    whole = (mantissa * 2.0**MANTISSA).to(torch.int64)
    bit = exponent.to(torch.int64) - MANTISSA - LOWEST
    whole = torch.where(bit < 0, whole >> (-bit).clamp(0, MANTISSA), whole)  # subnormal: exact
    place, shift = bit.clamp(min=0) // LIMB, bit.clamp(min=0) % LIMB
    low = (whole << shift) & (2**LIMB - 1)
    high = (whole << shift) >> LIMB
    return limbs.scatter_add(0, place, low).scatter_add(0, place + 1, high)


def total(limbs: Tensor) -> Tensor:
    """The sums as float64 ``(count,)``, each rounded once."""
    rows = limbs.T.tolist()
    sums = [sum(limb << (LIMB * place) for place, limb in enumerate(row)) for row in rows]
    return torch.tensor([_scaled(number) for number in sums], dtype=torch.float64)


def _scaled(number: int) -> float:
    """``number`` times the smallest float32, rounded once."""
    return number / (1 << -LOWEST)
