"""The registry: loads plugins, keeps the broken ones apart, and holds what the others bring."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pluggy

from captum_deconvnet.errors import near_names, unknown_name
from captum_deconvnet.registry import hookspecs
from captum_deconvnet.registry.hookspecs import PROJECT, Load, Names, Rule
from captum_deconvnet.registry.plugin import (
    VARIABLE,
    ModelSource,
    PluginInfo,
    RuleRow,
    installed_plugins,
    wanted_names,
)

if TYPE_CHECKING:
    import click


@dataclass
class Plugin:
    """One plugin and what it brought."""

    name: str
    distribution: str = ""
    version: str = ""
    error: str = ""
    module: object = None
    sources: list[ModelSource] = field(default_factory=list)
    rules: list[RuleRow] = field(default_factory=list)


class Registry:
    """The plugins of one process and all that they register.

    A plugin that cannot be imported, has a wrong signature or raises in a hook is remembered with
    its reason and brings nothing; the others are not disturbed.

    Args:
        entry_points: where to find plugins; by default the installed entry points of the group
            ``captum_deconvnet``. The variable ``DECONVNET_PLUGINS=a,b`` loads only those named.
    """

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        """Load every plugin that is wanted."""
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self._plugins: list[Plugin] = []
        points = installed_plugins() if entry_points is None else list(entry_points)
        wanted = wanted_names(points)
        for point in points:
            if point.name in wanted:
                self._load(point)
        for name in sorted(set(wanted) - {point.name for point in points}):
            hint = f"It is named in {VARIABLE}; installed: {_names(points)}."
            missing = unknown_name("plugin", name, [point.name for point in points], hint)
            self._plugins.append(Plugin(name, error=str(missing)))

    def register(
        self, plugin: object, name: str, *, distribution: str = "", version: str = ""
    ) -> None:
        """Take a plugin that is already imported: a module, or any object with hooks.

        Args:
            plugin: what has the functions decorated with ``hookimpl``.
            name: what ``deconvnet plugins`` calls it.
            distribution: the distribution it came in, if any.
            version: that distribution's version.
        """
        self._add(Plugin(name, distribution, version), lambda: plugin)

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every plugin, loaded or broken, by name."""
        return tuple(map(self._info, sorted(self._plugins, key=lambda plugin: plugin.name)))

    @property
    def broken(self) -> dict[str, str]:
        """Why each plugin that is not in use is not."""
        return {info.name: info.error for info in self.plugins if info.error}

    @property
    def rules(self) -> tuple[RuleRow, ...]:
        """The rule rows of every plugin, in the order they were registered."""
        return tuple(row for plugin in self._plugins for row in plugin.rules)

    @property
    def sources(self) -> dict[str, ModelSource]:
        """The model sources of every plugin, by prefix."""
        return {source.prefix: source for plugin in self._plugins for source in plugin.sources}

    def names(self, source: ModelSource) -> Sequence[str]:
        """The names a source lists; none if its library fails, which is then remembered.

        Args:
            source: of models, as a plugin registered it.
        """
        try:
            return source.listed()
        except Exception as error:
            owner = next(plugin for plugin in self._plugins if source in plugin.sources)
            owner.error = f"lists no models: {_reason(error)}"
            return ()

    def register_commands(self, cli: click.Group) -> None:
        """Let every plugin add its commands to ``cli``."""
        for plugin in self._plugins:
            if self._loaded(plugin):
                try:
                    self._call(plugin, "register_commands", cli=cli)
                except Exception as error:
                    plugin.error = f"adds no commands: {_reason(error)}"

    def collect(self, hook: str) -> tuple[tuple[str, Any], ...]:
        """What the plugins bring through a hook that is given ``register`` alone.

        Args:
            hook: its name; a plugin declares it through ``register_hooks``.

        Returns:
            The name of a plugin and one thing it registered, for each thing. A plugin that raises
            brings nothing, and is remembered with its reason.
        """
        found: list[tuple[str, Any]] = []
        for plugin in filter(self._loaded, self._plugins):
            brought: list[Any] = []
            try:
                self._call(plugin, hook, register=brought.append)
            except Exception as error:
                plugin.error = f"{hook} fails: {_reason(error)}"
            else:
                found.extend((plugin.name, thing) for thing in brought)
        return tuple(found)

    def _load(self, point: EntryPoint) -> None:
        found = point.dist
        name, version = (found.name, found.version) if found else ("", "")
        self._add(Plugin(point.name, name, version), point.load)

    def _add(self, plugin: Plugin, load: Callable[[], object]) -> None:
        """Take what a plugin brings, all of it or, if anything fails, nothing."""
        self._plugins.append(plugin)
        try:
            module = load()
            if self.manager.has_plugin(plugin.name) or self.manager.is_registered(module):
                raise ValueError("a plugin of this name, or this very module, is already loaded")
            plugin.module = module
            self._take(plugin)
        except Exception as error:
            plugin.error = _reason(error)
            plugin.sources, plugin.rules = [], []
            if self._loaded(plugin):
                self.manager.unregister(plugin.module)

    def _loaded(self, plugin: Plugin) -> bool:
        return plugin.module is not None and self.manager.is_registered(plugin.module)

    def _take(self, plugin: Plugin) -> None:
        self.manager.register(plugin.module, plugin.name)
        if not self.manager.get_hookcallers(plugin.module):
            raise TypeError("it has no hook; decorate its functions with captum_deconvnet.hookimpl")
        self._call(plugin, "register_hooks", register=self.manager.add_hookspecs)
        self._call(plugin, "register_models", register=self._model_door(plugin))
        self._call(plugin, "register_rules", register=self._rule_door(plugin))

    def _call(self, plugin: Plugin, hook: str, **arguments: object) -> None:
        """Call a hook of one plugin alone, so that its failure is its own."""
        others = [module for module in self.manager.get_plugins() if module is not plugin.module]
        self.manager.subset_hook_caller(hook, others)(**arguments)

    def _model_door(self, plugin: Plugin) -> hookspecs.RegisterModels:
        def register(
            prefix: str,
            names: Names,
            load: Load,
            *,
            left_out: Callable[[], Mapping[str, str]] = dict,
            takes: Callable[[str], bool] = hookspecs.never,
        ) -> None:
            if prefix in self.sources:
                owner = self.sources[prefix].plugin
                raise ValueError(f"prefix {prefix!r} of models is taken by plugin {owner!r}")
            plugin.sources.append(ModelSource(prefix, names, load, left_out, takes, plugin.name))

        return register

    def _rule_door(self, plugin: Plugin) -> hookspecs.RegisterRules:
        def register(target: object, rule: Rule | str, *, kind: str = "extension") -> None:
            plugin.rules.append(RuleRow(target, rule, kind, plugin.name))

        return register

    def _info(self, plugin: Plugin) -> PluginInfo:
        callers = self.manager.get_hookcallers(plugin.module) if self._loaded(plugin) else None
        unknown = [caller.name for caller in callers or () if _unspecified(caller)]
        return PluginInfo(
            plugin.name,
            plugin.distribution,
            plugin.version,
            tuple(sorted(caller.name for caller in callers or ())),
            tuple(source.prefix for source in plugin.sources),
            plugin.error or "; ".join(map(self._unknown_hook, unknown)),
        )

    def _unknown_hook(self, hook: str) -> str:
        known = [name for name, caller in vars(self.manager.hook).items() if caller.has_spec()]
        near = near_names(hook, known, count=1)
        return f"no hook is called {hook!r}" + (f"; did you mean {near[0]!r}?" if near else "")


@functools.cache
def process_registry() -> Registry:
    """The registry of this process; plugins are loaded at the first call."""
    return Registry()


def plugin_rules() -> tuple[RuleRow, ...]:
    """The rule rows of every plugin of this process."""
    return process_registry().rules


def _names(points: Iterable[EntryPoint]) -> str:
    return ", ".join(point.name for point in points) or "none"


def _unspecified(caller: pluggy.HookCaller) -> bool:
    """Whether nobody declares this hook, though its implementation is not marked optional."""
    return not caller.has_spec() and not all(hook.optionalhook for hook in caller.get_hookimpls())


def _reason(error: Exception) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
