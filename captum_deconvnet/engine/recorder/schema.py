"""What operations are called, in the table and in the receipt.

Which of its arguments an operation writes to, as its schema says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import Tensor, nn
from torch._ops import OpOverload

from captum_deconvnet.engine.rules.call import tensors


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


def written_tensors(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, ...]:
    """The arguments that the operation changes in place."""
    names = _written_names(func)
    if not names:
        return ()
    given = [args[place] for place, _ in names if place < len(args)]
    given += [kwargs[name] for _, name in names if name in kwargs]
    return tuple(tensors(given))


@lru_cache(maxsize=4096)
def _written_names(func: OpOverload) -> tuple[tuple[int, str], ...]:
    return tuple(
        (place, argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


@lru_cache(maxsize=4096)
def out_names(func: OpOverload) -> tuple[str, ...]:
    """The arguments an operation only writes to: ``out=``."""
    given = [argument for argument in func._schema.arguments if argument.kwarg_only]
    return tuple(one.name for one in given if one.alias_info and one.alias_info.is_write)
