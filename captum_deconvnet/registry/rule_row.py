"""A rule row: the projection rule that a plugin gives to one operation."""

from __future__ import annotations

import functools
import importlib
import sys
from dataclasses import dataclass

from captum_deconvnet.registry.hookspecs import Rule

KINDS = ("paper", "adjoint", "extension", "fallback")


@dataclass(frozen=True)
class RuleRow:
    """One row of the rule table.

    Args:
        target: a module class, a function or an operation, or its address
            ``"package.module:Name"``.
        rule: what ``captum_deconvnet.rules`` holds, or ``rule(call) -> adjoint``.
        kind: what the receipt calls it.
        plugin: the plugin that gave the row.

    Raises:
        ValueError: for an unknown kind, or an address without a colon.
        TypeError: for a rule that cannot be called.
    """

    target: object
    rule: Rule
    kind: str
    plugin: str

    def __post_init__(self) -> None:
        """Refuse a row that could not be used later."""
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} of a rule is none of {', '.join(KINDS)}")
        if not callable(self.rule):
            raise TypeError(f"the rule for {self.target!r} is {self.rule!r}, not a callable")
        if isinstance(self.target, str) and ":" not in self.target:
            raise ValueError(f"address {self.target!r} is not of the form 'package.module:Name'")

    def found(self) -> object | None:
        """The target itself; ``None`` if its address leads nowhere.

        A model cannot hold a module of a package that nobody imported, nor of a class that the
        installed version of that package does not have, so such a row has nothing to do.
        """
        if not isinstance(self.target, str):
            return self.target
        module, _, name = self.target.partition(":")
        if module.partition(".")[0] not in sys.modules:
            return None
        try:
            return functools.reduce(getattr, name.split("."), _imported(module))
        except (ImportError, AttributeError):
            return None


def _imported(module: str) -> object:
    return importlib.import_module(module)
