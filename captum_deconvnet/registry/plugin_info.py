"""What is known of one plugin: the row it has in ``deconvnet plugins``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PluginInfo:
    """One plugin, loaded or broken.

    Args:
        name: its entry point's name.
        distribution: the installed distribution it came in; empty for one registered by hand.
        version: that distribution's version.
        hooks: the hooks it implements.
        prefixes: the prefixes of the models it offers.
        error: why it, or a part of it, is not in use; empty when all is well.
    """

    name: str
    distribution: str = ""
    version: str = ""
    hooks: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    error: str = ""
