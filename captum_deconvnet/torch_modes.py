"""Torch's two modes, with what every use of them repeats: a signature and empty keyword arguments.

A dispatch mode sees operations below Python; a function mode sees calls of torch's own functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class OperationMode(TorchDispatchMode, ABC):  # type: ignore[no-untyped-call]
    """Is asked to run every aten operation in its context."""

    def __init__(self) -> None:
        """Torch sets up a mode."""
        super().__init__()  # type: ignore[no-untyped-call]

    def __init_subclass__(cls) -> None:
        """Torch prepares a subclass."""
        super().__init_subclass__()  # type: ignore[no-untyped-call]

    @abstractmethod
    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation."""

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """What torch calls."""
        return self.run_operation(func, args, kwargs or {})


class FunctionMode(TorchFunctionMode, ABC):
    """Is asked to run every function of torch's that is called in its context."""

    @abstractmethod
    def run_function(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run one function."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """What torch calls."""
        return self.run_function(func, args, kwargs or {})
