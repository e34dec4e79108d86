"""Activations spelled out in arithmetic: the rule of the torch function, or of the limit.

``x * (1 + erf(x / sqrt 2)) / 2``, ``where(x > 0, x, a * x)`` and ``1 / (1 + exp(-x))`` are known by
what they compute and not by how they are written. Where operations on one activation are merged,
or one of them has no rule of its own, the whole function since that activation is looked at:

1. A torch function with the same values gives its rule, scale and strength as a gate.
2. Otherwise the rule is the limit of ``f(t * s) / t`` for large ``t``: a slope for positive signals
   and one for negative ones.
3. Where there is neither (squares have no limit, and what changes sides is no rectifier), every
   operation goes by its own row, as in a sum whose parts all have a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.formulas.formula import (
    CLIPS,
    COPIES,
    FAILURES,
    RULED,
    SUMS,
    WITHOUT_RULE,
    WITHOUT_SIGNAL,
    Formula,
    formulas_in,
)
from captum_deconvnet.engine.formulas.named_functions import (
    Limits,
    Named,
    Number,
    function_of,
    limits,
    parameters_of,
)
from captum_deconvnet.engine.tape.tape import BOUNDED, GATE, NONE


@dataclass(frozen=True)
class Spelled:
    """The rule of an activation spelled out.

    Args:
        base: the value it is a function of: the root, or a multiple of it with a constant.
        rule: what it is.
        outer: what the function is multiplied by after the rectifier.
    """

    base: Formula
    rule: Named
    outer: Number = 1.0


@dataclass(frozen=True)
class Seen:
    """The limits of one formula as a function of one affine value before it."""

    base: Formula
    found: Limits

    @property
    def depth(self) -> int:
        """How many operations the value is from the root."""
        return self.base.depth


def spelled(formula: Formula, name: str) -> tuple[list[Spelled], int]:
    """The rules of what an operation is about to make, and how surely that only scales others.

    The rules are the same but for the value from which they start, the best one first.
    """
    if (
        formula.chosen
        or formula.is_affine
        or name in WITHOUT_SIGNAL | COPIES
        or _is_plain(formula, name)
    ):
        return [], NONE
    seen = [] if name == "abs" else [*_seen(formula)]
    for tell in (function_of, parameters_of):
        rules = [Spelled(one.base, rule) for one in seen if (rule := tell(one.found))]
        if rules:
            return [rule for rule in rules if rule.rule == rules[0].rule], rules[0].rule.gate
    by_its_row = formula.has_rule or name in WITHOUT_RULE or _is_shifted(formula, name)
    if not seen or by_its_row:
        return [], NONE
    return _limit(seen), _strength(seen[-1].found)


def _is_plain(formula: Formula, name: str) -> bool:
    """Whether a function with a rule of its own is applied to one activation.

    A clipped multiple of an activation may be its hard sigmoid, all the same.
    """
    given = [*formulas_in((formula.args, formula.kwargs))]
    is_clipped = name in CLIPS and formula.has_rule and given[0].depth > 0
    return name in RULED and len(given) == 1 and not is_clipped


def _is_shifted(formula: Formula, name: str) -> bool:
    """Whether one value is only scaled or shifted, by constants: its own rule stays."""
    return name in SUMS and len({*formulas_in((formula.args, formula.kwargs))}) == 1


def _seen(formula: Formula) -> Iterator[Seen]:
    """The formula as a function of each affine value before it, the root last."""
    dimensions = len(formula.root.shape)
    try:
        places = formula.at(
            torch.tensor([0.0, 1.0], dtype=torch.float64, device="cpu").view(2, *(1,) * dimensions)
        )
        bases = [one for one in places if one.is_affine and one.value and one.value.flows]
        for base in sorted(bases, key=lambda one: -one.depth):
            zero, one = places[base].expand(2, *places[base].shape[1:])
            slope = one - zero
            if not bool(slope.all()):
                continue

            def function(points: Tensor, base: Tensor = zero, slope: Tensor = slope) -> Tensor:
                return formula.at((points - base) / slope)[formula]

            found = limits(function, dimensions)
            if found is not None:
                yield Seen(base, found)
    except FAILURES:
        return


def _limit(seen: list[Seen]) -> list[Spelled]:
    """The rule of the limit, first at the value of which the function is most plainly one."""
    ordered = sorted(seen, key=lambda one: (not _meets_zero(one), not _is_unit(one), one.depth))
    kept = [one for one in ordered if _meets_zero(one) == _meets_zero(ordered[0])]
    return [rule for one in kept if (rule := _limit_of(one))]


def _limit_of(one: Seen) -> Spelled | None:
    """The rule of the limit of a function of one value."""
    above, below = one.found.above, one.found.below
    turns = bool((above * below < 0).any())
    if turns or one.found.is_bounded or not bool((above != 0).all() or (above == 0).all()):
        return None
    half = bool((above == 0).all() or (below == 0).all())
    kind = "paper" if half and one.found.is_straight else "extension"
    if bool((above == 0).all()):
        return Spelled(one.base, Named("rectify", kind, negative=True), below)
    if bool((below == 0).all()):
        return Spelled(one.base, Named("rectify", kind), above)
    if bool((below == above).all()):
        return Spelled(one.base, Named("identity"), above)
    return Spelled(one.base, Named("leak", slope=below / above), above)


def _meets_zero(one: Seen) -> bool:
    """Whether the straight line that it comes close to goes through zero."""
    return bool((one.found.offset.abs() < 1e-6 * (1 + one.found.above.abs())).all())


def _is_unit(one: Seen) -> bool:
    return bool((one.found.above == 1).all())


def _strength(found: Limits) -> int:
    """How surely a function without a rule only scales others."""
    if not found.is_bounded:
        return NONE
    return GATE if found.is_rising and bool((found.near >= -1e-9).all()) else BOUNDED
