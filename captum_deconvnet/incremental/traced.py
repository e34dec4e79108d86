"""What tracing gives: the operations of one forward pass, and the values between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from captum_deconvnet.incremental.program import Step


@dataclass(eq=False)
class Trace:
    """One forward pass: its operations, the shapes of all values, and what it gave.

    ``same`` has, for a view that shows all of another value as it is, that value's number: nothing
    tells which of the two is read after that. ``trouble`` is the first thing that could not be
    followed: what came after it is not written down.
    """

    steps: list[Step] = field(default_factory=list)
    shapes: list[torch.Size] = field(default_factory=list)
    output: Any = None
    output_index: int | None = None
    layers: dict[str, int] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)
    trouble: Exception | None = None
