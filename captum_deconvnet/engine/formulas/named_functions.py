"""What a function of one number does far out: its slopes there, and whether it is bounded.

The rule of a rectifier is the limit of ``f(t * s) / t`` for large ``t``: the slope for positive
signals, and the slope for negative ones. Both are read off the function's numbers.

Activations by their values: which torch function, if one, a function of one number is.

Where the limit for large signals does not say enough (it is zero for what is bounded) the rule
is that of the torch function with the same values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.engine.tape.tape import BOUNDED, GATE, NONE

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


def limits(function: Function, dimensions: int) -> Limits | None:
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


pass

Number = Tensor | float

CLOSE = 1e-5
"""Constants are often written with five digits."""


@dataclass(frozen=True)
class Named:
    """The rule of a torch function.

    Args:
        rule: ``rectify``, ``leak`` or ``identity``.
        kind: as in the receipt.
        gate: how surely the output only scales others.
        slope: of a leaky rectifier.
        inner: what the signal is multiplied by after the rule: ``sigmoid(inner * x)``.
        negative: whether the negative side is the one kept.
    """

    rule: str
    kind: str = "extension"
    gate: int = NONE
    slope: Number = 0.0
    inner: Number = 1.0
    negative: bool = False


_RECTIFIED_GATE, _IDENTITY = Named("rectify", gate=GATE), Named("identity")
_SIGNED = Named("identity", gate=BOUNDED)

FUNCTIONS: tuple[tuple[Callable[[Tensor], Tensor], Named], ...] = (
    (F.hardsigmoid, _RECTIFIED_GATE),
    (lambda x: x / (1 + x.abs()), _SIGNED),
    (F.logsigmoid, _IDENTITY),
    (lambda x: x - x.tanh(), _IDENTITY),
    (F.selu, Named("rectify")),
    (F.softplus, Named("rectify")),
)
"""Functions without parameters."""

SCALED: tuple[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Named], ...] = (
    (torch.sigmoid, torch.logit, _RECTIFIED_GATE),
    (torch.tanh, torch.atanh, _SIGNED),
)
"""Functions that may be of a multiple of the activation, with their inverses."""


def function_of(found: Limits) -> Named | None:
    """The torch function with these values, if there is one without parameters."""
    grid = along(GRID, found.near)
    for function, rule in FUNCTIONS:
        if same(found.near, function(grid), CLOSE):
            return rule
    return _scaled(found, grid)


def parameters_of(found: Limits) -> Named | None:
    """The torch function with these values, if there is one with slopes or bounds."""
    grid = along(GRID, found.near)
    return _leaky(found) or _shrunk(found, grid) or _clipped(found, grid)


def _scaled(found: Limits, grid: Tensor) -> Named | None:
    """A sigmoid or tanh of a positive multiple."""
    place = int((GRID == 0.5).nonzero())
    for function, inverse, rule in SCALED:
        inner = inverse(found.near[place]) / 0.5
        if bool((inner > 0).all()) and same(found.near, function(grid * inner), 1e-9):
            return Named(rule.rule, rule.kind, rule.gate, inner=_snapped(inner))
    return None


def _snapped(number: Tensor) -> Tensor:
    """A number freed from rounding."""
    return torch.where((number - number.round()).abs() < 1e-9, number.round(), number)


def _leaky(found: Limits) -> Named | None:
    """A leaky rectifier, perhaps with a slope for each channel; no absolute value."""
    leaks = bool((found.above == 1).all() and (found.below != 0).any())
    if not leaks or bool((found.below == -1).all()) or not found.is_straight:
        return None
    return Named("leak", slope=found.below)


def _shrunk(found: Limits, grid: Tensor) -> Named | None:
    """Soft or hard shrinkage: nothing near zero, a straight line far out."""
    if not bool((found.above == 1).all() and (found.below == 1).all()):
        return None
    width = -found.offset
    soft = grid.sign() * (grid.abs() - width).clamp(min=0)
    if bool((width > 0).all()) and same(found.near, soft, CLOSE):
        return _IDENTITY
    kept = (found.near - grid).abs() < 1e-9
    beyond = (kept == kept.flip(0)) & (kept | (found.near == 0))
    return _IDENTITY if bool(beyond.all() and not kept.all()) else None


def _clipped(found: Limits, grid: Tensor) -> Named | None:
    """A clipping to a range: from zero up it rectifies, otherwise it passes the signal."""
    low = torch.where(found.below == 0, found.ends[0], -torch.inf)
    high = torch.where(found.above == 0, found.ends[1], torch.inf)
    if bool((low >= high).any()) or not same(found.near, grid.clamp(low, high), CLOSE):
        return None
    if bool((low == -torch.inf).all() and (high == torch.inf).all()):
        return None
    is_paper = bool((low == 0).all() and (high == torch.inf).all())
    is_bounded = bool(low.isfinite().all() and high.isfinite().all())
    gate = BOUNDED if is_bounded else NONE
    if bool((high == 0).all() and (low == -torch.inf).all()):
        return Named("rectify", "paper", negative=True)
    if bool((low < 0).any()):
        return Named("identity", gate=gate)
    return Named("rectify", "paper" if is_paper else "extension", gate)
