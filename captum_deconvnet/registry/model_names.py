"""Names of models: those that the plugins offer, and those that a library registers.

A library's names are read from its source, for importing it takes seconds.
"""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from captum_deconvnet.registry.registry import Registry, process_registry


def list_models(pattern: str = "*", *, registry: Registry | None = None) -> list[str]:
    """The full names of all models that the plugins offer, sorted.

    Args:
        pattern: shell wildcards, e.g. ``"torchvision/resnet*"``.
        registry: where to look; by default the plugins of this process.
    """
    registry = registry or process_registry()
    names = {
        f"{prefix}/{name}"
        for prefix, source in registry.sources.items()
        for name in registry.names(source)
    }
    return sorted(fnmatch.filter(names, pattern))


REGISTERED = re.compile(
    r"""^@register_model(\((name=)?["']?(?P<given>\w*)["']?\))?\n"""
    r"""((?!def\ ).*\n)*?"""  # other decorators
    r"""def\ (?P<own>\w+)""",
    re.MULTILINE,
)
"""A function under the decorator by which torchvision and timm register a builder."""


def library_names(module: str) -> Sequence[str]:
    """What a module's ``list_models()`` lists; until it is imported, what its source registers.

    Args:
        module: the full name, such as ``"torchvision.models"``.

    Raises:
        ImportError: the library is not installed.
    """
    if module not in sys.modules:
        registered = registered_names(module.partition(".")[0], "models")
        if registered:
            return registered
    listed: Sequence[str] = importlib.import_module(module).list_models()
    return listed


def registered_names(library: str, folder: str) -> list[str]:
    """The names under which a library registers its builders of models, without importing it.

    Args:
        library: the top-level package.
        folder: where in it the builders are, such as ``"models"``.

    Returns:
        The names, sorted; none if the library is not installed.
    """
    found = importlib.util.find_spec(library)
    folders = found.submodule_search_locations if found is not None else ()
    files = [path for each in folders or () for path in Path(each, folder).rglob("*.py")]
    return sorted({name for path in files for name in _names_in(path)})


def _names_in(path: Path) -> list[str]:
    matches = REGISTERED.finditer(path.read_text(encoding="utf-8"))
    return [match["given"] or match["own"] for match in matches]
