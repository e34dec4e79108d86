"""Public names of a package that are imported when they are first used (PEP 562).

A stub beside the package, ``__init__.pyi``, is their one list: type checkers and editors read it
as it is, and here it is read for where each name is defined.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple


class LazyNames(NamedTuple):
    """What a package takes for its own ``__getattr__``, ``__dir__`` and ``__all__``."""

    get: Callable[[str], object]
    names: Callable[[], list[str]]
    public: list[str]


def lazy_names(package: str, before: Callable[[], object] = int) -> LazyNames:
    """The names that a package's stub imports, each imported at its first use.

    Args:
        package: its full name; it is being imported.
        before: called before the first use of each name.
    """
    module = sys.modules[package]
    tree = ast.parse(Path(str(module.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {name: home for node in tree.body for name, home in imported(node).items()}

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        before()
        place, attribute = homes[name]
        home = import_module(place)
        found = getattr(home, attribute) if attribute else home
        setattr(module, name, found)  # the next use does not come here
        return found

    return LazyNames(get, lambda: sorted({*vars(module), *homes}), public_names(tree))


def imported(node: ast.stmt) -> dict[str, tuple[str, str]]:
    """The names that a statement imports, each with its module and its name there, if any."""
    if isinstance(node, ast.ImportFrom):
        return {each.asname or each.name: (str(node.module), each.name) for each in node.names}
    if isinstance(node, ast.Import):
        return {each.asname: (each.name, "") for each in node.names if each.asname}
    return {}


def public_names(tree: ast.Module) -> list[str]:
    """What the stub's ``__all__`` lists."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []
