"""A net of another library: how to build it and what to show it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from torch import nn

SMALL = (3, 64, 64)


@dataclass(frozen=True)
class Net:
    """One architecture.

    Args:
        build: makes it with random weights; downloads nothing.
        shape: of one input, without the batch.
        output: takes from what the net returns what is explained; the last tensor of it is.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = SMALL
    output: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Library:
    """One library on the package index.

    Args:
        name: what it is imported as, and its nets' names start with.
        distribution: what it is installed as.
        table: the module beside this one whose ``nets`` lists its nets.
    """

    name: str
    distribution: str
    table: str

    @property
    def is_installed(self) -> bool:
        """Whether it can be imported."""
        return find_spec(self.name) is not None

    def nets(self) -> Mapping[str, Net]:
        """Its nets by full name; imports the library."""
        listed = importlib.import_module(f"{__package__}.nets.{self.table}").nets()
        return {f"{self.name}/{short}": net for short, net in listed.items()}


def first(output: Any) -> Any:
    """The first of several outputs."""
    return output[0]


def each(names: str | Iterable[str], make: Callable[[str], Net]) -> dict[str, Net]:
    """A net for every name; a text holds several."""
    return {name: make(name) for name in (names.split() if isinstance(names, str) else names)}
