"""Known functions: which torch function, if one, has the values of a function of one number.

Where the limit for large signals does not say enough (it is zero for what is bounded) the rule is
that of the torch function with the same values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from captum_deconvnet.engine.formulas.limits import GRID, Limits, along, same
from captum_deconvnet.engine.tape.tape import GateStrength

Number = Tensor | float

CLOSE = 1e-5
"""Constants are often written with five digits."""


@dataclass(frozen=True)
class ActivationRule:
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
    gate: GateStrength = GateStrength.NONE
    slope: Number = 0.0
    inner: Number = 1.0
    negative: bool = False


_RECTIFIED_GATE, _IDENTITY = (
    ActivationRule("rectify", gate=GateStrength.GATE),
    ActivationRule("identity"),
)
_SIGNED = ActivationRule("identity", gate=GateStrength.BOUNDED)

FUNCTIONS: tuple[tuple[Callable[[Tensor], Tensor], ActivationRule], ...] = (
    (F.hardsigmoid, _RECTIFIED_GATE),
    (lambda x: x / (1 + x.abs()), _SIGNED),
    (F.logsigmoid, _IDENTITY),
    (lambda x: x - x.tanh(), _IDENTITY),
    (F.selu, ActivationRule("rectify")),
    (F.softplus, ActivationRule("rectify")),
)
"""Functions without parameters."""

SCALED: tuple[
    tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], ActivationRule], ...
] = (
    (torch.sigmoid, torch.logit, _RECTIFIED_GATE),
    (torch.tanh, torch.atanh, _SIGNED),
)
"""Functions that may be of a multiple of the activation, with their inverses."""


def function_of(found: Limits) -> ActivationRule | None:
    """The torch function with these values, if there is one without parameters."""
    grid = along(GRID, found.near)
    for function, rule in FUNCTIONS:
        if same(found.near, function(grid), CLOSE):
            return rule
    return _scaled(found, grid)


def parameters_of(found: Limits) -> ActivationRule | None:
    """The torch function with these values, if there is one with slopes or bounds."""
    grid = along(GRID, found.near)
    return _leaky(found) or _shrunk(found, grid) or _clipped(found, grid)


def _scaled(found: Limits, grid: Tensor) -> ActivationRule | None:
    """A sigmoid or tanh of a positive multiple."""
    place = int((GRID == 0.5).nonzero())
    for function, inverse, rule in SCALED:
        inner = inverse(found.near[place]) / 0.5
        if bool((inner > 0).all()) and same(found.near, function(grid * inner), 1e-9):
            return ActivationRule(rule.rule, rule.kind, rule.gate, inner=_snapped(inner))
    return None


def _snapped(number: Tensor) -> Tensor:
    """A number freed from rounding."""
    return torch.where((number - number.round()).abs() < 1e-9, number.round(), number)


def _leaky(found: Limits) -> ActivationRule | None:
    """A leaky rectifier, perhaps with a slope for each channel; no absolute value."""
    leaks = bool((found.above == 1).all() and (found.below != 0).any())
    if not leaks or bool((found.below == -1).all()) or not found.is_straight:
        return None
    return ActivationRule("leak", slope=found.below)


def _shrunk(found: Limits, grid: Tensor) -> ActivationRule | None:
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


def _clipped(found: Limits, grid: Tensor) -> ActivationRule | None:
    """A clipping to a range: from zero up it rectifies, otherwise it passes the signal."""
    low = torch.where(found.below == 0, found.ends[0], -torch.inf)
    high = torch.where(found.above == 0, found.ends[1], torch.inf)
    if bool((low >= high).any()) or not same(found.near, grid.clamp(low, high), CLOSE):
        return None
    if bool((low == -torch.inf).all() and (high == torch.inf).all()):
        return None
    is_paper = bool((low == 0).all() and (high == torch.inf).all())
    is_bounded = bool(low.isfinite().all() and high.isfinite().all())
    gate = GateStrength.BOUNDED if is_bounded else GateStrength.NONE
    if bool((high == 0).all() and (low == -torch.inf).all()):
        return ActivationRule("rectify", "paper", negative=True)
    if bool((low < 0).any()):
        return ActivationRule("identity", gate=gate)
    return ActivationRule("rectify", "paper" if is_paper else "extension", gate)
