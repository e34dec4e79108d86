"""Activations spelled out in arithmetic: the rule of the torch function, or of the limit.

``x * (1 + erf(x / sqrt 2)) / 2``, ``where(x > 0, x, a * x)`` and ``1 / (1 + exp(-x))`` are known by
what they compute and not by how they are written. Where operations on one activation are merged,
or one of them has no rule of its own, the whole function since that activation is looked at:

1. A torch function with the same values gives its rule, scale and strength as a gate.
2. Otherwise the rule is the limit of ``f(t * s) / t`` for large ``t``: a slope for positive signals
   and one for negative ones. What keeps the negative side has to be a
   multiple of a minimum with zero, hard or soft.
3. Where there is neither (squares have no limit, and what changes sides is no rectifier), every
   operation goes by its own row, as in a sum whose parts all have a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from captum_deconvnet.engine.formulas.formula import (
    CLIPS,
    COPIES,
    FAILURES,
    RULED,
    SUMS,
    WITHOUT_RULE,
    WITHOUT_SIGNAL,
    Formula,
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
        base: the value it is a function of: the root, or one between.
        rule: what it is.
        outer: what the function is multiplied by after the rectifier.
    """

    base: Formula
    rule: Named
    outer: Number = 1.0


@dataclass(frozen=True)
class Seen:
    """The limits of one formula as a function of one value before it."""

    base: Formula
    found: Limits


def spelled(formula: Formula, name: str) -> tuple[list[Spelled], int]:
    """The rules of what an operation is about to make, and how surely that only scales others.

    One is as good as another, the best one first: they start from multiples of one value.
    """
    nothing = formula.chosen or name in WITHOUT_SIGNAL | COPIES or _is_plain(formula, name)
    seen = [] if nothing or name == "abs" else [*_seen(formula)]
    by_its_row = formula.has_rule or name in WITHOUT_RULE or _is_shifted(formula, name)
    for line in dict.fromkeys(one.base.line for one in seen):
        alike = [one for one in seen if one.base.line is line]
        is_nearest = line is seen[0].base.line
        rules = _named(alike) or (_limit(alike) if is_nearest and not by_its_row else [])
        if rules:
            return rules, rules[0].rule.gate
    return [], NONE if by_its_row or not seen else _strength(seen[-1].found)


def _named(seen: list[Seen]) -> list[Spelled]:
    """The rules of the torch function with the same values, if there is one."""
    for tell in (function_of, parameters_of):
        rules = [Spelled(one.base, rule) for one in seen if (rule := tell(one.found))]
        if rules:
            return rules
    return []


def _limit(seen: list[Seen]) -> list[Spelled]:
    """The rules of the limit, at values where it meets zero if there are any."""
    meeting = [one for one in seen if _meets_zero(one)] or seen
    return [rule for one in meeting if (rule := _limit_of(one))]


def _is_plain(formula: Formula, name: str) -> bool:
    """Whether a function with a rule of its own is applied to one activation.

    A clipped multiple of an activation may be its hard sigmoid, all the same.
    """
    given = formula.given
    is_clipped = name in CLIPS and formula.depth > 1
    return name in RULED and len(given) == 1 and not is_clipped


def _is_shifted(formula: Formula, name: str) -> bool:
    """Whether one value is only scaled or shifted, by constants: its own rule stays."""
    return name in SUMS and len(formula.given) == 1


def _seen(formula: Formula) -> Iterator[Seen]:
    """The formula as a function of each value that signals pass before it, the root last."""
    dimensions = len(formula.root.shape)
    for base in formula.waists:
        is_line = base.line is formula.line
        if is_line or base.value is None or not base.value.flows or base.chosen:
            continue
        try:
            found = limits(partial(formula.at, base=base), dimensions)
        except FAILURES:
            continue
        if found is not None:
            yield Seen(base, found)


def _limit_of(one: Seen) -> Spelled | None:
    """The rule of the limit of a function of one value."""
    above, below = one.found.above, one.found.below
    turns = bool((above * below < 0).any())
    if turns or one.found.is_bounded or not bool((above != 0).all() or (above == 0).all()):
        return None
    half = bool((above == 0).all() or (below == 0).all())
    kind = "paper" if half and one.found.is_straight else "extension"
    if bool((above == 0).all()):
        negative = Named("rectify", kind, negative=True)
        return Spelled(one.base, negative, below) if one.found.is_minimum else None
    if bool((below == 0).all()):
        return Spelled(one.base, Named("rectify", kind), above)
    if bool((below == above).all()):
        return Spelled(one.base, Named("identity"), above)
    return Spelled(one.base, Named("leak", slope=below / above), above)


def _meets_zero(one: Seen) -> bool:
    """Whether the straight line that it comes close to goes through zero."""
    return bool((one.found.offset.abs() < 1e-6 * (1 + one.found.above.abs())).all())


def _strength(found: Limits) -> int:
    """How surely a function without a rule only scales others."""
    if not found.is_bounded:
        return NONE
    return GATE if found.is_rising and bool((found.near >= -1e-9).all()) else BOUNDED
