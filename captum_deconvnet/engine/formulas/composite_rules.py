"""The rule of an activation made of several operations: a torch function's, or the limit's.

``x * (1 + erf(x / sqrt 2)) / 2``, ``where(x > 0, x, a * x)`` and ``1 / (1 + exp(-x))`` are known by
what they compute and not by how they are written. Where operations on one activation are merged,
or one of them has no rule of its own, the whole function since that activation is looked at:

1. A torch function with the same values gives its rule, scale and strength as a gate: a function
   of the nearest value first. What clips the nearest value may clip it a second time, as hard
   sigmoids of two steps do: then a function of a value farther back goes before the clipping.
2. Otherwise the rule is the limit of ``f(t * s) / t`` for large ``t``: a slope for positive signals
   and one for negative ones. What keeps the negative side has to be a multiple of a minimum with
   zero, hard or soft.
3. Where there is neither (squares have no limit, and what changes sides is no rectifier), every
   operation goes by its own row, as in a sum whose parts all have a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from captum_deconvnet.engine.formulas.elementwise_operations import SUMS, WITHOUT_RULE
from captum_deconvnet.engine.formulas.formula import FAILURES, Formula
from captum_deconvnet.engine.formulas.known_functions import (
    ActivationRule,
    Number,
    function_of,
    parameters_of,
)
from captum_deconvnet.engine.formulas.limits import GRID, Limits, limits_of
from captum_deconvnet.engine.tape.tape import GateStrength


@dataclass(frozen=True)
class CompositeRule:
    """The rule of an activation made of several operations.

    Args:
        start: the value it is a function of: the root, or one between.
        rule: what it is.
        outer: what the function is multiplied by after the rectifier.
    """

    start: Formula
    rule: ActivationRule
    outer: Number = 1.0


@dataclass(frozen=True)
class FoundLimits:
    """The limits of one formula as a function of one value before it."""

    start: Formula
    limits: Limits


def rules_of(formula: Formula, name: str) -> tuple[list[CompositeRule], GateStrength]:
    """The rules of what an operation is about to make, and how surely that only scales others.

    One is as good as another, the best one first: they start from multiples of one value.
    """
    is_plain = name == "abs" or _is_unchanged(formula, name)
    found = [] if is_plain else [*_limits_at(formula)]
    by_its_row = formula.has_rule or name in WITHOUT_RULE or _is_shifted(formula, name)
    multiples = [
        [one for one in found if one.start.base is base]
        for base in dict.fromkeys(one.start.base for one in found)
    ]
    rules = next(filter(None, _candidates(multiples, by_its_row)), [])
    if rules:
        return rules, rules[0].rule.gate
    if by_its_row or not found:
        return [], GateStrength.NONE
    return [], _strength(found[-1].limits)


def _candidates(
    multiples: list[list[FoundLimits]], by_its_row: bool
) -> Iterator[list[CompositeRule]]:
    """What is known of the multiples of each value before, the surest first."""
    for number, alike in enumerate(multiples):
        yield _known(alike, function_of)
        found = _known(alike, parameters_of)
        if number == 0 and found and found[0].rule.rule != "leak":  # two clippings are one, perhaps
            yield from (_known(farther, function_of) for farther in multiples[1:])
        yield found
        if number == 0 and not by_its_row:
            yield _limit(alike)


def _known(
    found: list[FoundLimits], tell: Callable[[Limits], ActivationRule | None]
) -> list[CompositeRule]:
    """The rules of the torch function with the same values, if there is one."""
    return [CompositeRule(one.start, rule) for one in found if (rule := tell(one.limits))]


def _limit(found: list[FoundLimits]) -> list[CompositeRule]:
    """The rules of the limit, at values where it meets zero if there are any."""
    meeting = [one for one in found if _meets_zero(one)] or found
    return [rule for one in meeting if (rule := _limit_of(one))]


def _is_shifted(formula: Formula, name: str) -> bool:
    """Whether one value is only scaled or shifted, by constants: its own rule stays."""
    return name in SUMS and len(formula.operands) == 1


def _is_unchanged(formula: Formula, name: str) -> bool:
    """Whether one value is multiplied by 1, or 0 is added to it: signals must pass that value."""
    if not _is_shifted(formula, name):
        return False
    (operand,) = formula.operands
    points = GRID.view(-1, *(1,) * len(formula.root.shape))
    try:
        return bool((formula.at(points, start=operand) == points).all())
    except FAILURES:
        return False


def _limits_at(formula: Formula) -> Iterator[FoundLimits]:
    """The formula as a function of each value that signals pass before it, the root last."""
    dimensions = len(formula.root.shape)
    for start in formula.dominators:
        is_multiple = start.base is formula.base
        if is_multiple or start.value is None or not start.value.flows or start.chosen:
            continue
        try:
            found = limits_of(partial(formula.at, start=start), dimensions)
        except FAILURES:
            continue
        if found is not None:
            yield FoundLimits(start, found)


def _limit_of(one: FoundLimits) -> CompositeRule | None:
    """The rule of the limit of a function of one value."""
    above, below = one.limits.above, one.limits.below
    turns = bool((above * below < 0).any())
    if turns or one.limits.is_bounded or not bool((above != 0).all() or (above == 0).all()):
        return None
    half = bool((above == 0).all() or (below == 0).all())
    kind = "paper" if half and one.limits.is_straight else "extension"
    if bool((above == 0).all()):
        negative = ActivationRule("rectify", kind, negative=True)
        return CompositeRule(one.start, negative, below) if one.limits.is_minimum else None
    if bool((below == 0).all()):
        return CompositeRule(one.start, ActivationRule("rectify", kind), above)
    if bool((below == above).all()):
        return CompositeRule(one.start, ActivationRule("identity"), above)
    return CompositeRule(one.start, ActivationRule("leak", slope=below / above), above)


def _meets_zero(one: FoundLimits) -> bool:
    """Whether the straight line that it comes close to goes through zero."""
    return bool((one.limits.offset.abs() < 1e-6 * (1 + one.limits.above.abs())).all())


def _strength(limits: Limits) -> GateStrength:
    """How surely a function without a rule only scales others."""
    if not limits.is_bounded:
        return GateStrength.NONE
    is_gate = limits.is_rising and bool((limits.near >= -1e-9).all())
    return GateStrength.GATE if is_gate else GateStrength.BOUNDED
