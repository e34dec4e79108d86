"""One plugin: where it is found, what is known of it, and the models and rules that it offers."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from captum_deconvnet.errors import UnknownNameError
from captum_deconvnet.registry.hookspecs import PROJECT, Load, Names, Rule


@dataclass(frozen=True)
class PluginInfo:
    """One plugin, loaded or broken.

    Args:
        name: its entry point's name.
        distribution: the installed distribution it came in; empty for one registered by hand.
        version: that distribution's version.
        hooks: the hooks it implements.
        prefixes: the prefixes of the models it offers.
        error: why it, or something of it, is not in use; empty when all is well.
    """

    name: str
    distribution: str = ""
    version: str = ""
    hooks: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    error: str = ""


VARIABLE = "DECONVNET_PLUGINS"


def installed_plugins() -> list[EntryPoint]:
    """Every installed entry point of the group, each once, by name.

    An editable install and a wheel of the same distribution may name one entry point twice.
    """
    found = {(point.name, point.value): point for point in entry_points(group=PROJECT)}
    return [found[key] for key in sorted(found)]


def wanted_names(points: Iterable[EntryPoint]) -> list[str]:
    """The plugins to load: all, or those that ``DECONVNET_PLUGINS=a,b`` names.

    An empty variable means none.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen is None:
        return [point.name for point in points]
    return [name.strip() for name in chosen.split(",") if name.strip()]


@dataclass(frozen=True)
class ModelSource:
    """What a plugin said when it called ``register`` in ``register_models``.

    Args:
        prefix: first part of the models' full names, ``prefix/name``.
        names: the second parts, or a callable that lists them.
        load: builds one model: ``load(name, weights_tag_or_None)``.
        left_out: lists names that are not offered, each with the reason.
        takes: whether a name that is not listed can be loaded all the same.
        plugin: the plugin that offers them.
    """

    prefix: str
    names: Names
    load: Load
    left_out: Callable[[], Mapping[str, str]]
    takes: Callable[[str], bool]
    plugin: str

    def __post_init__(self) -> None:
        """Refuse a source that could not be used later."""
        if not self.prefix or "/" in self.prefix:
            raise ValueError(f"prefix {self.prefix!r} of models is empty or has a slash")

    def listed(self) -> Sequence[str]:
        """The names after the slash; may import the plugin's library."""
        return self.names() if callable(self.names) else self.names


KINDS = ("paper", "adjoint", "extension", "fallback")
"""Of rules: the paper's, exact adjoints of linear operations, ours, and plain gradients."""


@dataclass(frozen=True)
class RuleRow:
    """One row of the rule table.

    Args:
        target: a module class, a function or an operation, or its address
            ``"package.module:Name"``.
        rule: what ``captum_deconvnet.rules`` holds, or ``rule(call) -> adjoint``; or its address.
        kind: what the receipt calls it.
        plugin: the plugin that gave the row.

    Raises:
        ValueError: for an unknown kind, or an address without a colon.
        TypeError: for a rule that cannot be called.
    """

    target: object
    rule: Rule | str
    kind: str
    plugin: str

    def __post_init__(self) -> None:
        """Refuse a row that could not be used later."""
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} of a rule is none of {', '.join(KINDS)}")
        if not callable(self.rule) and ":" not in str(self.rule):
            raise TypeError(
                f"the rule for {self.target!r} is {self.rule!r}, not a callable or its address"
            )
        if isinstance(self.target, str) and ":" not in self.target:
            raise ValueError(f"address {self.target!r} is not of the form 'package.module:Name'")

    def found(self) -> object | None:
        """The target itself; ``None`` if its address leads nowhere.

        A model cannot hold a module of a package that nobody imported, nor of a class that the
        installed version of that package does not have, so such a row has nothing to do.
        """
        if not isinstance(self.target, str):
            return self.target
        if self.target.partition(":")[0].partition(".")[0] not in sys.modules:
            return None
        try:
            target: object = _at(self.target)
        except (ImportError, AttributeError):
            return None
        return target

    def found_rule(self) -> Rule:
        """The rule itself.

        Raises:
            UnknownNameError: its address leads nowhere.
        """
        if not isinstance(self.rule, str):
            return self.rule
        try:
            rule: Rule = _at(self.rule)
        except (ImportError, AttributeError) as error:
            raise UnknownNameError(
                f"The rule {self.rule!r} of plugin {self.plugin!r} is not there: {error}."
            ) from error
        return rule


def _at(address: str) -> Any:
    module, _, name = address.partition(":")
    return functools.reduce(getattr, name.split("."), importlib.import_module(module))
