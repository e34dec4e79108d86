"""The formulas of one recording: which values are functions of one activation."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.formulas.formula import (
    DEEPEST,
    ELEMENTWISE,
    RULED,
    SUMS,
    WITHOUT_SIGNAL,
    Formula,
    constant,
    shape_of,
    worked_out,
)
from captum_deconvnet.engine.rules.call import Call, is_signal, tensors
from captum_deconvnet.engine.tape.adjoint import nested_map
from captum_deconvnet.engine.tape.tape import Value


class Formulas:
    """Keeps the formulas while a model is recorded.

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
        given = tensors(args, call.kwargs)
        formulas = {id(tensor): self._read(call, tensor) for tensor in given if call.value(tensor)}
        known = [formula for formula in formulas.values() if formula is not None]
        if any(tensor.is_complex() for tensor in given):
            return None
        if not known or len(known) < len(formulas) or not _fits(name, call, given, known):
            return None
        items = {id(tensor): formulas.get(id(tensor)) or constant(tensor) for tensor in given}
        if any(item is None for item in items.values()):
            return None
        return _joined(call, name, args, known, items)

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


def _fits(name: str, call: Call, given: Sequence[Tensor], known: Sequence[Formula]) -> bool:
    """Whether the output is of the root's shape, or of what one mask chose from the root."""
    root = known[0].root
    if any(one.root is not root for one in known) or max(one.depth for one in known) >= DEEPEST:
        return False
    if name == "index":
        return len(call.args[1]) == 1 and len(known) == 2 and _is_whole_mask(call)
    if name == "index_put" and (not _is_whole_mask(call) or any(one.chosen for one in known)):
        return _is_put_back(call, known)
    if name == "index_put":
        return bool(call.argument("values").numel() == 1 and not call.argument("accumulate"))
    if name == "copy" and call.args[0].shape != call.args[1].shape:
        return False
    if any(one.chosen is not known[0].chosen for one in known):
        return False
    shapes = {tensor.shape for tensor in given}
    activations = {value.shape for tensor in given if (value := call.value(tensor))}
    if len(activations) > 1 or shapes == activations:
        return len(activations) == 1
    try:
        return activations == {shape_of(*shapes)}
    except RuntimeError:
        return False


def _is_whole_mask(call: Call) -> bool:
    mask = call.args[1][0] if len(call.args[1]) == 1 else None
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        return False
    return bool(mask.shape == call.args[0].shape)


def _is_put_back(call: Call, known: Sequence[Formula]) -> bool:
    """Whether what a mask chose is put back where it was chosen."""
    if not _is_whole_mask(call) or call.argument("accumulate"):
        return False
    mask = call.value(call.args[1][0])
    chosen = [one.chosen for one in known if one.chosen is not None]
    return mask is not None and len(chosen) == 1 and chosen[0] is mask


def _joined(
    call: Call, name: str, args: tuple[Any, ...], known: Sequence[Formula], items: dict[int, Any]
) -> Formula:
    """The formula of what a call makes from values with formulas."""

    def replaced(item: Any) -> Any:
        return items[id(item)] if isinstance(item, Tensor) else item

    count = sum(call.value(tensor) is not None for tensor in tensors(args, call.kwargs))
    is_sum = name in SUMS and (count == 1 or name in ("add", "sub", "rsub", "index"))
    is_sum = is_sum and not (name == "div" and call.value(call.args[0]) is None)
    is_sum = is_sum and not call.kwargs.get("rounding_mode")
    lines = {one.line for one in known}
    is_ruled = is_sum or (name in RULED and count == 1) or name in WITHOUT_SIGNAL
    chosen = next((one.chosen for one in known if one.chosen is not None), None)
    if name == "index":
        chosen = call.value(call.args[1][0])
    elif name == "index_put" and chosen is not None:
        name, chosen, args = "where chosen", None, (args[0], args[1][0], args[2])
    return Formula(
        worked_out(name, call.function),
        nested_map(replaced, args),
        nested_map(replaced, call.kwargs),
        known[0].root,
        along=lines.pop() if is_sum and name != "index" and len(lines) == 1 else None,
        has_rule=is_ruled and all(one.has_rule for one in known),
        depth=1 + max(one.depth for one in known),
        chosen=chosen,
    )
