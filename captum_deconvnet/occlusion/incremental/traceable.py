"""Which operations of a forward pass can be traced, and what stands for them in a program."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch._ops import OpOverload

from captum_deconvnet.engine.consistency import VALUE_READERS
from captum_deconvnet.engine.rules.call import base_name, out_names
from captum_deconvnet.errors import UnsupportedOperationError

ADVICE = "give method='dense' and perturbations_per_eval=1"
"""What can be done where windows cannot go through together."""


class RandomError(UnsupportedOperationError):
    """The model draws random numbers."""


class BatchDependentError(UnsupportedOperationError):
    """What a window gives may depend on the other windows that go through together with it."""


class DataDependentError(BatchDependentError):
    """What the model does depends on its numbers."""


def refused_in_part(model: str, error: UnsupportedOperationError) -> UnsupportedOperationError:
    """The error for a model that was to be recomputed in part, by name, and cannot be."""
    refused = f"{model} cannot be recomputed in part: {error}."
    return type(error)(f"{refused} Give method='auto' or 'dense'.")


FACTORIES = {
    *("new_zeros", "new_ones", "new_empty", "new_full"),
    *("zeros_like", "ones_like", "empty_like", "full_like"),
}
"""What they give depends on their argument's shape only."""
IDENTITIES = {"clone", "alias", "detach", "lift_fresh"}
"""What they give holds the numbers they were given."""
_VIEWS = {"view", "_unsafe_view", "_reshape_alias"}
_BY_STORAGE = {"as_strided", "set", "resize"}


@lru_cache(maxsize=4096)
def check_traceable(func: OpOverload) -> None:
    """Raise for an operation that cannot be traced."""
    name = base_name(func)
    if func.namespace != "aten":
        raise BatchDependentError(f"{func} is not an operation of torch's own")
    if name in VALUE_READERS:
        raise DataDependentError(f"{name}: what the model does depends on its numbers")
    if name in _BY_STORAGE:
        raise UnsupportedOperationError(f"{name} reads the memory and not the tensor")


@lru_cache(maxsize=4096)
def check_not_random(func: OpOverload) -> None:
    """Raise for an operation that draws random numbers."""
    name = base_name(func)
    draws = torch.Tag.nondeterministic_seeded in func.tags
    if draws and "attention" not in name:
        raise RandomError(f"{name} draws random numbers")


@lru_cache(maxsize=4096)
def functional(func: OpOverload) -> Callable[..., Any]:
    """The operation as one that changes none of its arguments."""
    if base_name(func) in _VIEWS and func._overloadname in ("default", ""):
        return torch.reshape
    if not func._schema.is_mutable:
        return func
    packet = getattr(torch.ops.aten, base_name(func), None)
    if out_names(func) or not hasattr(packet, func._overloadname):
        raise UnsupportedOperationError(
            f"{func} changes its arguments and has no twin that does not"
        )
    found: Callable[..., Any] = getattr(packet, func._overloadname)
    return found
