"""A model source: the models that one plugin offers under one prefix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from captum_deconvnet.registry.hookspecs import Load, Names


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
