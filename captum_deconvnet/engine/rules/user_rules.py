"""Rules by name, for plugins and for ``rules=``, and the rows in force for one recording.

A rule is called with the operation's :class:`Call` and returns its adjoint: a function from the
signal at the output to the signal at the activation, or to a tuple of signals if there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from captum_deconvnet.engine.rules.call import Call, Rule
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.rules.linear import Scale, blocked
from captum_deconvnet.engine.rules.norms import contrast_norm
from captum_deconvnet.engine.rules.rectifiers import identity
from captum_deconvnet.engine.rules.rectifiers import smooth_rectify as rectify
from captum_deconvnet.engine.rules.replay import gradient
from captum_deconvnet.engine.rules.switches import random_switches
from captum_deconvnet.engine.rules.table import Row
from captum_deconvnet.engine.tape.adjoint import Adjoint, Custom
from captum_deconvnet.engine.tape.reach import pointwise as same_place
from captum_deconvnet.errors import ModelError
from captum_deconvnet.registry import plugin_rules

__all__ = [
    "Adjoint",
    "Call",
    "Rule",
    "blocked",
    "gradient",
    "identity",
    "pointwise",
    "random_switches",
    "rectify",
    "rows",
    "scale",
]

_FUNCTIONS = {F.local_response_norm: Row(contrast_norm, "identity", "paper")}


def pointwise(call: Call, function: Callable[[Tensor], Tensor]) -> Adjoint:
    """A rule's answer: ``function`` of the signal, each output seeing only its own place."""
    (tensor,) = call.inputs
    return Custom((same_place(tensor.shape),), function)


def scale(call: Call, factor: Tensor | float) -> Adjoint:
    """A rule's answer: the signal times a recorded ``factor`` that broadcasts to it."""
    (tensor,) = call.inputs
    return Scale((same_place(tensor.shape),), tensor.shape, (factor,))


def rows(rules: Mapping[Any, Any] | None, family: Family) -> dict[Any, Row]:
    """The rows that go before the table: torch functions, plugins, and ``rules`` on top.

    The gradient takes no module or function whole: it looks at the operations inside.

    Raises:
        ModelError: for a rule that cannot be called, or for a target that is no operation.
    """
    found: dict[Any, Row] = {}
    if not family.exact:
        found |= _FUNCTIONS
        given = [(row.found(), row) for row in plugin_rules()]
        found |= {
            target: as_row(row.found_rule(), row.kind)
            for target, row in given
            if target is not None
        }
    for target, rule in (rules or {}).items():
        found[_checked(target)] = as_row(rule, "extension")
    return found


def as_row(rule: Rule, kind: str) -> Row:
    """The row for a rule of given kind; the operation's own gradient is always a fallback."""
    if not callable(rule):
        raise ModelError(f"A rule must be callable, as captum_deconvnet.rules are; given {rule!r}.")
    name = getattr(rule, "__name__", type(rule).__name__)
    return Row(rule, name, "fallback" if rule is gradient else kind)


def _checked(target: Any) -> Any:
    is_class = isinstance(target, type)
    if not callable(target) or (is_class and not issubclass(target, nn.Module | Function)):
        raise ModelError(
            "A rule's target is a module class, an autograd function, a function or an operation; "
            f"given {target!r}."
        )
    return target
