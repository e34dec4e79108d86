"""Entry points: where installed plugins are found."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from captum_deconvnet.registry.hookspecs import PROJECT

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
