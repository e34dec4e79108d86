"""The way back from what is spelled out: one step from the activation, and its scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.formulas.activation import Spelled, spelled
from captum_deconvnet.engine.formulas.formula import Formula
from captum_deconvnet.engine.formulas.formulas import Formulas
from captum_deconvnet.engine.formulas.named_functions import GRID, Number
from captum_deconvnet.engine.rules.call import Call
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.rules.linear import Scale
from captum_deconvnet.engine.rules.rectifiers import Leak, Rectify
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, Typed
from captum_deconvnet.engine.tape.reach import pointwise
from captum_deconvnet.engine.tape.tape import Step, Tape, Value


class Spelling:
    """Finds what is spelled out, while a model is recorded.

    Args:
        storages: which value a tensor holds.
        tape: where steps are put that come before the last one.
        family: how rectifiers pass the signal; the exact gradient takes nothing together.
    """

    def __init__(self, storages: Storages, tape: Tape, family: Family) -> None:
        """Know nothing yet."""
        self.formulas = Formulas(storages, keeps_tensors=family.relu_mask)
        self._tape, self._exact = tape, family.exact

    def look(self, call: Call, name: str, module: str) -> tuple[Formula | None, Way | None]:
        """What a call is about to make as a formula, and the way back from it if it has one."""
        formula = None if self._exact else self.formulas.of(call, name)
        if formula is None:
            return None, None
        rules, formula.gate = spelled(formula, name)
        for found in rules:
            path = steps(call, self.formulas, found)
            if path is not None:
                formula.has_rule = found.base.has_rule
                return formula, self._way(found, path, name, module)
        return formula, None

    def _way(self, found: Spelled, path: list[Piece], name: str, module: str) -> Way:
        """All steps but the last go on the tape."""
        value, dtype = found.base.value, found.base.dtype
        assert value is not None
        gate = found.rule.gate or value.gate
        for adjoint, rule, kind in path[:-1]:
            made = Value(value.shape)
            adjoint = Typed(adjoint.reaches, adjoint, (dtype,))
            self._tape.steps.append(Step((value,), made, adjoint, module, name, rule, kind))
            value = made
        adjoint, rule, kind = path[-1]
        return Way(value, Typed(adjoint.reaches, adjoint, (dtype,)), rule, kind, gate)


Piece = tuple[Adjoint, str, str]


@dataclass(frozen=True)
class Way:
    """The last step of the way from an activation to what is spelled out of it."""

    origin: Value
    adjoint: Adjoint
    rule: str
    kind: str
    gate: int


def steps(call: Call, formulas: Formulas, given: Spelled) -> list[Piece] | None:
    """The way from the base to what the call makes, as adjoints with their rules and kinds.

    ``None`` where the forward sign is wanted and the base is no longer there.
    """
    family, rule, shape = call.family, given.rule, given.base.root.shape
    mask = None
    if family.relu_mask and rule.rule in ("rectify", "leak"):
        mask = _mask(call, formulas, given)
        if mask is None:
            return None
    reach = (pointwise(shape),)

    def scaled(factor: Number) -> list[Piece]:
        number = _number(factor, call)
        if isinstance(number, float) and number == 1:
            return []
        return [(Scale(reach, shape, (number,)), "scale", "adjoint")]

    adjoint: Adjoint
    if rule.rule == "leak":
        slope = _number(rule.slope, call)
        held = Kept(slope) if isinstance(slope, Tensor) else slope
        adjoint = Leak(reach, held, mask, family.relu_backward)
    else:
        backward = family.relu_backward and rule.rule == "rectify"
        adjoint = Rectify(reach, mask, backward, negative=rule.negative)
    return [*scaled(rule.inner), (adjoint, rule.rule, rule.kind), *scaled(given.outer)]


def _number(number: Number, call: Call) -> Number:
    """One number if it is the same for every channel; else in the type of the activations."""
    if not isinstance(number, Tensor):
        return number
    first = number.flatten()[0]
    if bool((number == first).all()):
        return float(first)
    like = next(tensor for tensor in call.given if call.value(tensor) is not None)
    dtype = like.dtype if like.dtype.is_floating_point else torch.get_default_dtype()
    return number.to(like.device, dtype)


def _mask(call: Call, formulas: Formulas, given: Spelled) -> Tensor | None:
    """Where the base is on the side that is kept."""
    base = formulas.tensor_of(given.base)
    arguments = [(formulas.known(call.value(tensor)), tensor) for tensor in call.given]
    base = next((tensor for one, tensor in arguments if one is given.base), base)
    if base is not None:
        return base < 0 if given.rule.negative else base > 0
    for one, tensor in arguments:
        level = None if one is None or given.rule.negative else _level(one, given.base)
        if level is not None:
            return tensor > level
    return None


def _level(formula: Formula, base: Formula) -> float | None:
    """The number that ``formula`` exceeds just where the base is positive, if there is one."""
    if base not in formula.waists:
        return None
    numbers = formula.at(GRID.view(-1, *(1,) * len(formula.root.shape)), base)
    if numbers.dtype == torch.bool:
        return None
    zero = numbers[len(GRID) // 2].flatten()[0]
    places = GRID.view(-1, *(1,) * (numbers.dim() - 1)) > 0
    return float(zero) if bool(((numbers > zero) == places).all()) else None
