"""Limits: the slopes of a function of one number far out, and whether it is bounded.

The rule of a rectifier is the limit of ``f(t * s) / t`` for large ``t``: one slope for positive
signals, and one for negative ones. Both are read off the function's numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

NEAR = (20.0, 12.0, 7.0, 6.0, 5.1, 4.0, 3.0, 2.2, 1.5, 1.0, 0.5, 0.1, 0.01)
FAR = (1e6, 1e4, 300.0, 150.0, 75.0, 40.0)
"""Exponentials overflow far out: then nearer numbers, where they have long converged, do."""

_RISING = [*(-t for t in NEAR), 0.0, *reversed(NEAR)]
GRID = torch.tensor(_RISING, dtype=torch.float64, device="cpu")
_FAR_OUT = [s * f * t for s in (1, -1) for t in FAR for f in (1, 2)]
_STEPS = torch.tensor(_FAR_OUT, dtype=torch.float64, device="cpu")
POINTS = torch.cat([GRID, _STEPS])

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Limits:
    """What is known of a function, for each of its constants' channels.

    Args:
        near: its values on ``GRID``, along the first dimension.
        above: its slope far on the positive side.
        below: its slope far on the negative side.
        offset: what is left of it far on the positive side, less the slope's part.
        ends: its values farthest out, on the negative and on the positive side.
    """

    near: Tensor
    above: Tensor
    below: Tensor
    offset: Tensor
    ends: tuple[Tensor, Tensor]

    @property
    def is_straight(self) -> bool:
        """Whether it is two half lines that meet at zero."""
        grid = along(GRID, self.near)
        lines = torch.where(grid > 0, grid * self.above, grid * self.below)
        return same(self.near, lines, 1e-9)

    @property
    def is_minimum(self) -> bool:
        """Whether it is a multiple of min(x, 0), hard or soft: its slope only falls."""
        slopes = self.near.diff(dim=0) / along(GRID, self.near).diff(dim=0)
        return bool((slopes.diff(dim=0) * self.below.sign() <= 1e-6).all())

    @property
    def is_bounded(self) -> bool:
        """Whether it stays between two numbers."""
        flat = not bool(self.above.any() or self.below.any())
        return flat and all(bool((end.abs() < 1e3).all()) for end in self.ends)

    @property
    def is_rising(self) -> bool:
        """Whether it never falls."""
        return bool((self.near.diff(dim=0) >= -1e-9).all())


def limits_of(function: Function, dimensions: int) -> Limits | None:
    """The limits of an elementwise function of a tensor of so many dimensions, if it has any."""
    points = POINTS.view(-1, *(1,) * dimensions)
    values = function(points)
    values = values.expand(len(POINTS), *values.shape[1:])
    near, far = values[: len(GRID)], values[len(GRID) :].reshape(2, len(FAR), 2, *values.shape[1:])
    sides = [_side(far[0]), _side(far[1])]
    if not bool(near.isfinite().all()) or sides[0] is None or sides[1] is None:
        return None
    (above, top, at), (slope, bottom, _) = sides  # type: ignore[misc]
    offset = top - above * at
    return Limits(near, above, -slope, offset, (bottom, top))


def _side(values: Tensor) -> tuple[Tensor, Tensor, float] | None:
    """Slope, value and distance as far out on one side as numbers are finite, if it converges."""
    finite = [row for row in range(len(FAR)) if bool(values[row].isfinite().all())]
    if len(finite) < 2:
        return None
    one, other = ((values[row, 1] - values[row, 0]) / FAR[row] for row in (finite[0], finite[1]))
    if not same(one, other, 1e-5):
        return None
    slope = torch.where(one.abs() < 1e-9, 0.0, one)
    slope = torch.where((slope - slope.round()).abs() < 1e-9, slope.round(), slope)
    return slope, values[finite[0], 0], FAR[finite[0]]


def same(one: Tensor, other: Tensor, tolerance: float) -> bool:
    """Whether two functions' values are the same, but for ``tolerance``."""
    return bool(((one - other).abs() <= tolerance * other.abs().clamp(min=1)).all())


def along(numbers: Tensor, like: Tensor) -> Tensor:
    """Numbers along the first dimension of a tensor like this one."""
    return numbers.view(-1, *(1,) * (like.dim() - 1))
