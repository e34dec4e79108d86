"""What operations are called, in the table and in the receipt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import nn
from torch._ops import OpOverload


@lru_cache(maxsize=4096)
def base_name(func: OpOverload) -> str:
    """The operation without its namespace, overload and in-place mark: ``relu``."""
    name = func._schema.name.split("::")[1]
    return name[:-1] if name.endswith("_") and func._schema.is_mutable else name


def operation_name(function: Any) -> str:
    """What the receipt calls an operation."""
    if isinstance(function, OpOverload):
        name = base_name(function)
        return name if function.namespace == "aten" else f"{function.namespace}::{name}"
    return type(function).__name__ if isinstance(function, nn.Module) else function.__name__
