"""The doors of this package: what a plugin can add, one signature and one sentence each.

A plugin is an importable module named under the entry-point group ``captum_deconvnet``. It
decorates its functions with :data:`hookimpl`; ``plugins/README.md`` shows a complete one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pluggy

if TYPE_CHECKING:
    import click

    from captum_deconvnet.registry.loaded_model import LoadedModel

PROJECT = "captum_deconvnet"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Names: TypeAlias = "Sequence[str] | Callable[[], Sequence[str]]"
Load: TypeAlias = "Callable[[str, str | None], LoadedModel]"
Rule: TypeAlias = Callable[[Any], Any]


def never(name: str) -> bool:
    """For no name."""
    return False


class RegisterModels(Protocol):
    """What ``register_models`` is given to call, once for each prefix."""

    def __call__(
        self,
        prefix: str,
        names: Names,
        load: Load,
        *,
        left_out: Callable[[], Mapping[str, str]] = dict,
        takes: Callable[[str], bool] = never,
    ) -> None:
        """Offer the models ``prefix/name``.

        Args:
            prefix: first part of each full name, without the slash; one plugin's own.
            names: the names after the slash, or a callable that lists them when they are asked
                for, so that registering imports no heavy library.
            load: ``load(name, weights)`` builds one model; ``weights`` is a tag of the plugin's
                own, ``"random"``, or ``None`` for trained weights, as ``"DEFAULT"``.
            left_out: names that exist but are not offered, each with the reason.
            takes: whether a name that is not listed can be loaded all the same: a folder, or a
                repository of a model hub.
        """


class RegisterRules(Protocol):
    """What ``register_rules`` is given to call, once for each rule."""

    def __call__(self, target: object, rule: Rule | str, *, kind: str = "extension") -> None:
        """Give ``target`` the projection rule ``rule``.

        Args:
            target: an ``nn.Module`` subclass (its whole call becomes one operation), a torch
                function, an aten or custom operation, or one of these as ``"package.module:Name"``,
                looked up only once that package is imported.
            rule: one of ``captum_deconvnet.rules``, or ``rule(call) -> adjoint``; or where it is,
                such as ``"captum_deconvnet:rules.identity"``, which spares ``deconvnet --help`` the
                import of torch.
            kind: what the receipt calls it: ``"paper"``, ``"adjoint"``, ``"extension"`` or
                ``"fallback"``.
        """


@hookspec
def register_models(register: RegisterModels) -> None:
    """Offer models by name: call ``register`` once for each prefix."""


@hookspec
def register_rules(register: RegisterRules) -> None:
    """Give projection rules to modules, functions or operations: call ``register`` for each."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the ``deconvnet`` command line's click group."""


@hookspec
def register_hooks(register: Callable[[object], None]) -> None:
    """Open doors of your own: call ``register`` with a module of hook specifications."""
