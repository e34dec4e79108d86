"""Formulas: which function of one activation each value is, while a model is recorded.

A value that elementwise operations made from one activation, its *root*, is a function of one
number a place. Its formula keeps the operations, no data, so that it can be worked out for a few
numbers: that tells which activation function several operations compute.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine.formulas.elementwise_operations import (
    CLIPS,
    COPIES,
    REPLACED,
    RULED,
    SUMS,
    WITHOUT_SIGNAL,
    constant,
    shape_of,
)
from captum_deconvnet.engine.rules.call import Call, is_signal, tensors
from captum_deconvnet.engine.tape.adjoint import nested_map, tensors_in
from captum_deconvnet.engine.tape.tape import GateStrength, Value

DEEPEST = 60
FAILURES = (RuntimeError, TypeError, ValueError, IndexError)


@dataclass(eq=False)
class Formula:
    """One value as a function of its root.

    Args:
        function: the last operation; ``None`` for the root itself.
        args: its positional arguments, formulas in place of activations.
        kwargs: its keyword arguments.
        root: the activation that the value is a function of.
        multiple_of: what the value is a multiple of, and a constant, if it is no more than that.
        has_rule: whether every operation since the root has a rule that the others leave valid.
        gate: how surely it only scales others, as its numbers tell.
        depth: how many operations lie between the root and the value.
        value: the value.
        dtype: its type.
        chosen: the mask that chose its numbers from among the root's, if one did.
        tensor: the tensor that held it, if a mask of it may be wanted.
    """

    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    root: Value
    multiple_of: Formula | None = None
    has_rule: bool = True
    gate: GateStrength = GateStrength.NONE
    depth: int = 0
    value: Value | None = None
    dtype: torch.dtype = torch.float64
    chosen: Value | None = None
    tensor: weakref.ref[Tensor] | None = None

    @property
    def base(self) -> Formula:
        """What the value is a multiple of, and a constant; the value itself if it is more."""
        return self.multiple_of or self

    @property
    def operands(self) -> set[Formula]:
        """The values that the last operation was given."""
        return {*formulas_in((self.args, self.kwargs))}

    @property
    def dominators(self) -> list[Formula]:
        """The values before this one that it is a function of alone, the nearest first."""
        found, waiting = [], self.operands
        while waiting:
            nearest = max(waiting, key=lambda one: one.depth)
            waiting.remove(nearest)
            if not waiting:
                found.append(nearest)
            waiting |= nearest.operands
        return found

    def goes_by_own_row(self, name: str) -> bool:
        """Whether the last operation, ``name``, needs no look at what it makes of the root.

        So it is for a function with a rule of its own on one activation; a clipped multiple of an
        activation may be its hard sigmoid, all the same.
        """
        if self.chosen or name in WITHOUT_SIGNAL | COPIES:
            return True
        is_clipped = name in CLIPS and self.depth > 1
        return name in RULED and len(self.operands) == 1 and not is_clipped

    def at(self, probe: Tensor, start: Formula) -> Tensor:
        """The numbers of this value where ``start`` holds ``probe``."""
        return self._work_out({start: probe})

    def _work_out(self, found: dict[Formula, Tensor]) -> Tensor:
        if self not in found:
            found[self] = self._run(found)
        return found[self]

    def _run(self, found: dict[Formula, Tensor]) -> Tensor:
        before = {one: one._work_out(found) for one in self.operands}
        constants = [item for item in tensors_in((self.args, self.kwargs)) if item.dim()]
        shape = shape_of(*(one.shape for one in [*before.values(), *constants]))

        def filled(item: Any) -> Any:
            if isinstance(item, Formula):
                return before[item].expand(shape).clone()
            if isinstance(item, Tensor):
                return item.to("cpu", torch.float64 if is_signal(item) else None)
            return item

        assert self.function is not None
        made = self.function(*nested_map(filled, self.args), **nested_map(filled, self.kwargs))
        made = made if isinstance(made, Tensor) else made[0]
        return made if made.dtype == torch.bool else made.double()


def formulas_in(item: Any) -> Iterator[Formula]:
    """Every formula in a nest of arguments."""
    if isinstance(item, Formula):
        yield item
    elif isinstance(item, list | tuple):
        for one in item:
            yield from formulas_in(one)
    elif isinstance(item, dict):
        yield from formulas_in(tuple(item.values()))


def formula_of(
    call: Call, name: str, args: tuple[Any, ...], formulas: Mapping[int, Formula | None]
) -> Formula | None:
    """What a call is about to make, as a function of one activation; ``None`` if of none.

    Args:
        call: the call.
        name: of the operation.
        args: the positional arguments that count.
        formulas: of the arguments that depend on the input, by their address.
    """
    given = tensors(args, call.kwargs)
    known = [formula for formula in formulas.values() if formula is not None]
    if any(tensor.is_complex() for tensor in given):
        return None
    if not known or len(known) < len(formulas) or not _fits(name, call, given, known):
        return None
    items = {id(tensor): formulas.get(id(tensor)) or constant(tensor) for tensor in given}
    if any(item is None for item in items.values()):
        return None
    return _joined(call, name, args, known, items)


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
    bases = {one.base for one in known}
    is_ruled = is_sum or (name in RULED and count == 1) or name in WITHOUT_SIGNAL
    chosen = next((one.chosen for one in known if one.chosen is not None), None)
    if name == "index":
        chosen = call.value(call.args[1][0])
    elif name == "index_put" and chosen is not None:
        name, chosen, args = "where chosen", None, (args[0], args[1][0], args[2])
    return Formula(
        REPLACED.get(name, call.function),
        nested_map(replaced, args),
        nested_map(replaced, call.kwargs),
        known[0].root,
        multiple_of=bases.pop() if is_sum and name != "index" and len(bases) == 1 else None,
        has_rule=is_ruled and all(one.has_rule for one in known),
        depth=1 + max(one.depth for one in known),
        chosen=chosen,
    )
