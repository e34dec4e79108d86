"""``deconvnet models``: the names of the networks that the plugins offer.

``deconvnet plugins``: what is loaded, and what is broken and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from captum_deconvnet.cli.output import table
from captum_deconvnet.registry.hookspecs import hookimpl

if TYPE_CHECKING:
    from captum_deconvnet.registry import PluginInfo


@click.command(
    epilog="""\b
Examples:
  deconvnet models
  deconvnet models resnet
  deconvnet models 'timm/efficientnet_b?'
"""
)
@click.argument("pattern", default="*")
def models(pattern: str) -> None:
    """List the models whose name has PATTERN in it, or fits it if it has * or ?."""
    from captum_deconvnet.errors import unknown_name
    from captum_deconvnet.registry import list_models, process_registry

    names = list_models(pattern if set(pattern) & set("*?[") else f"*{pattern}*")
    if not names:
        broken = [f"{name} ({why})" for name, why in process_registry().broken.items()]
        hint = f"Not in use: {'; '.join(broken)}." if broken else ""
        raise unknown_name("model", pattern, list_models(), hint)
    for name in names:
        click.echo(name)


HEAD = ("plugin", "from", "models", "adds")


@click.command(
    epilog="""\b
Examples:
  deconvnet plugins
  DECONVNET_PLUGINS=timm deconvnet plugins      load only this one
"""
)
def plugins() -> None:
    """List the plugins, with the reason for each that is not in use."""
    from captum_deconvnet.registry import process_registry

    click.echo(listing(process_registry().plugins))


def listing(plugins: Sequence[PluginInfo]) -> str:
    """The plugins in use as a table, then a line for each of the others."""
    rows = [plugin_row(plugin) for plugin in plugins if not plugin.error]
    lines = [table(HEAD, rows)] if rows else []
    lines += [f"not in use: {each.name}: {each.error}" for each in plugins if each.error]
    return "\n".join(lines) or "No plugins are installed."


def plugin_row(plugin: PluginInfo) -> tuple[str, ...]:
    """One plugin: its name, its distribution, its models' prefixes, what it adds."""
    origin = f"{plugin.distribution} {plugin.version}".strip() or "-"
    prefixes = ", ".join(f"{prefix}/" for prefix in plugin.prefixes) or "-"
    return plugin.name, origin, prefixes, hooks_in_words(plugin) or "-"


def hooks_in_words(plugin: PluginInfo) -> str:
    """What the plugin's hooks add, in words: ``register_models`` adds models."""
    return ", ".join(hook.removeprefix("register_").replace("_", " ") for hook in plugin.hooks)


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet models`` and ``plugins``."""
    for command in (models, plugins):
        cli.add_command(command)
