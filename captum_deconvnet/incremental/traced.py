"""What tracing gives: the calls of one forward pass, and the values between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(eq=False)
class Call:
    """One operation as it was called, with references for what depends on the inputs."""

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[int | None, ...]
    single: bool


@dataclass(eq=False)
class Trace:
    """One forward pass: its calls, the shapes of all values, and what it gave.

    ``same`` has, for a view that shows all of another value as it is, that value's number: nothing
    tells which of the two is read after that.
    """

    calls: list[Call] = field(default_factory=list)
    shapes: list[torch.Size] = field(default_factory=list)
    output: Any = None
    output_index: int | None = None
    layers: dict[str, int] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)
