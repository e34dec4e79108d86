"""Reprs that fit a line: of a tensor its shape, of a module its class, of many items the first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from torch import Tensor, nn

SHOWN = 4
"""Items of a container that are shown."""
LENGTH = 300
"""Characters of one attribute that are shown."""


def short_repr(item: Any) -> str:
    """The class and its public attributes, briefly; for ``__repr__ = short_repr`` in a class."""
    public = {name: value for name, value in vars(item).items() if not name.startswith("_")}
    return named_repr(item, **public)


def named_repr(item: Any, *values: Any, **attributes: Any) -> str:
    """The item's class with some values and attributes, briefly."""
    shown = [brief(value) for value in values]
    shown += [f"{name}={brief(value)}" for name, value in attributes.items()]
    return f"{type(item).__name__}({', '.join(shown)})"


def brief(value: Any) -> str:
    """A value in at most ``LENGTH`` characters."""
    if isinstance(value, Tensor):
        return f"<{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}>"
    if isinstance(value, nn.Module):
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        pairs = (f"{brief(key)}: {brief(each)}" for key, each in value.items())
        return _cut(f"{{{_first(pairs, len(value))}}}")
    if type(value) in (list, tuple):
        opening, closing = "[]" if isinstance(value, list) else "()"
        return _cut(f"{opening}{_first(map(brief, value), len(value))}{closing}")
    return _cut(repr(value))


def _first(shown: Any, count: int) -> str:
    """The first items, and how many there are in all."""
    found = list(islice(shown, SHOWN))
    return ", ".join(found) + (f", ... {count} in all" if count > SHOWN else "")


def _cut(shown: str) -> str:
    line = " ".join(shown.split())
    return line if len(line) <= LENGTH else f"{line[: LENGTH - 3]}..."
