"""Activations made of several operations: one step leads from the activation to the result."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.formulas.composite_rules import CompositeRule, rules_of
from captum_deconvnet.engine.formulas.elementwise_operations import ELEMENTWISE
from captum_deconvnet.engine.formulas.formula import Formula, formula_of
from captum_deconvnet.engine.formulas.known_functions import Number
from captum_deconvnet.engine.formulas.limits import GRID
from captum_deconvnet.engine.rules.call import Call, is_signal, tensors
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.rules.linear import Scale
from captum_deconvnet.engine.rules.rectifiers import Leak, Rectify
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, Typed
from captum_deconvnet.engine.tape.reach import Reach, pointwise
from captum_deconvnet.engine.tape.tape import GateStrength, Step, Tape, Value

RuledAdjoint = tuple[Adjoint, str, str]
"""An adjoint, its rule and its kind, as the receipt has them."""


@dataclass(frozen=True)
class CompositeStep:
    """The last step from an activation to what several operations made of it."""

    origin: Value
    adjoint: Adjoint
    rule: str
    kind: str
    gate: GateStrength


class Formulas:
    """The formulas of one recording.

    Args:
        storages: which value a tensor holds now.
        keeps_tensors: whether masks of the activations will be wanted.
    """

    def __init__(self, storages: Storages, *, keeps_tensors: bool) -> None:
        """Know no formula yet."""
        self._storages, self._keeps_tensors = storages, keeps_tensors
        self._found: dict[Value, Formula] = {}

    def of(self, call: Call, name: str) -> Formula | None:
        """What a call is about to make, as a function of one activation; ``None`` if of none."""
        if name not in ELEMENTWISE:
            return None
        args = call.args[1:2] if name == "copy" else call.args
        given = [tensor for tensor in tensors(args, call.kwargs) if call.value(tensor)]
        return formula_of(call, name, args, {id(one): self._read(call, one) for one in given})

    def note(self, formula: Formula, value: Value, tensor: Tensor) -> None:
        """A call has made ``value``, which has this formula."""
        formula.value, formula.dtype = value, tensor.dtype
        if self._keeps_tensors and is_signal(tensor):
            formula.tensor = weakref.ref(tensor)
        self._found[value] = formula

    def forget(self, value: Value) -> None:
        """Signals must meet at ``value``: what comes after is a function of it alone."""
        self._found.pop(value, None)

    def tensor_of(self, formula: Formula) -> Tensor | None:
        """The activation that has this formula, if it still exists unchanged."""
        tensor = None if formula.tensor is None else formula.tensor()
        if tensor is None or self._storages.standing(tensor) is not formula.value:
            return None
        return tensor

    def known(self, value: Value | None) -> Formula | None:
        """The formula of a value."""
        return None if value is None else self._found.get(value)

    def _read(self, call: Call, tensor: Tensor) -> Formula | None:
        """The formula of an argument; one that has none is the root of others."""
        value = call.value(tensor)
        assert value is not None
        if value not in self._found and value.flows:
            self.note(Formula(None, (), {}, value), value, tensor)
        return self._found.get(value)


class CompositeActivations:
    """Finds activations made of several operations while a model is recorded.

    Args:
        storages: which value a tensor holds.
        tape: where steps are put that come before the last one.
        family: how rectifiers pass the signal; the exact gradient takes nothing together.
    """

    def __init__(self, storages: Storages, tape: Tape, family: Family) -> None:
        """Know nothing yet."""
        self.formulas = Formulas(storages, keeps_tensors=family.relu_mask)
        self._tape, self._exact = tape, family.exact

    def find(
        self, call: Call, name: str, module: str
    ) -> tuple[Formula | None, CompositeStep | None]:
        """What a call is about to make as a formula, and the step to it if there is one."""
        formula = None if self._exact else self.formulas.of(call, name)
        if formula is None or formula.goes_by_own_row(name):
            return formula, None
        rules, formula.gate = rules_of(formula, name)
        for found in rules:
            adjoints = adjoints_of(call, self.formulas, found)
            if adjoints is not None:
                formula.has_rule = found.start.has_rule
                return formula, self._step(found, adjoints, name, module)
        return formula, None

    def _step(
        self, found: CompositeRule, adjoints: list[RuledAdjoint], name: str, module: str
    ) -> CompositeStep:
        """All steps but the last go on the tape."""
        value, dtype = found.start.value, found.start.dtype
        assert value is not None
        gate = found.rule.gate or value.gate
        for adjoint, rule, kind in adjoints[:-1]:
            made = Value(value.shape)
            adjoint = Typed(adjoint.reaches, adjoint, (dtype,))
            self._tape.steps.append(Step((value,), made, adjoint, module, name, rule, kind))
            value = made
        adjoint, rule, kind = adjoints[-1]
        typed = Typed(adjoint.reaches, adjoint, (dtype,))
        return CompositeStep(value, typed, rule, kind, gate)


def adjoints_of(call: Call, formulas: Formulas, given: CompositeRule) -> list[RuledAdjoint] | None:
    """The adjoints from the start to what the call makes, in forward order.

    ``None`` where the forward sign is wanted and the start is no longer there.
    """
    family, rule, shape = call.family, given.rule, given.start.root.shape
    mask = None
    if family.relu_mask and rule.rule in ("rectify", "leak"):
        mask = _mask(call, formulas, given)
        if mask is None:
            return None
    reach = (pointwise(shape),)
    adjoint: Adjoint
    if rule.rule == "leak":
        slope = _number(rule.slope, call)
        held = Kept(slope) if isinstance(slope, Tensor) else slope
        adjoint = Leak(reach, held, mask, family.relu_backward)
    else:
        backward = family.relu_backward and rule.rule == "rectify"
        adjoint = Rectify(reach, mask, backward, negative=rule.negative)
    inner, outer = (_scaled(call, factor, reach, shape) for factor in (rule.inner, given.outer))
    return [*inner, (adjoint, rule.rule, rule.kind), *outer]


def _scaled(
    call: Call, factor: Number, reach: tuple[Reach], shape: torch.Size
) -> list[RuledAdjoint]:
    """The product with a constant; nothing for one."""
    number = _number(factor, call)
    if isinstance(number, float) and number == 1:
        return []
    return [(Scale(reach, shape, (number,)), "scale", "adjoint")]


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


def _mask(call: Call, formulas: Formulas, given: CompositeRule) -> Tensor | None:
    """Where the start is on the side that is kept."""
    start = formulas.tensor_of(given.start)
    arguments = [(formulas.known(call.value(tensor)), tensor) for tensor in call.given]
    start = next((tensor for one, tensor in arguments if one is given.start), start)
    if start is not None:
        return start < 0 if given.rule.negative else start > 0
    for one, tensor in arguments:
        level = None if one is None or given.rule.negative else _level(one, given.start)
        if level is not None:
            return tensor > level
    return None


def _level(formula: Formula, start: Formula) -> float | None:
    """The number that ``formula`` exceeds just where the start is positive, if there is one."""
    if start not in formula.dominators:
        return None
    numbers = formula.at(GRID.view(-1, *(1,) * len(formula.root.shape)), start)
    if numbers.dtype == torch.bool:
        return None
    zero = numbers[len(GRID) // 2].flatten()[0]
    places = GRID.view(-1, *(1,) * (numbers.dim() - 1)) > 0
    return float(zero) if bool(((numbers > zero) == places).all()) else None
