"""In-place operations on views: the one thing that autograd's graph does not show."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet_benchmarks.zoo.reference.nodes import named

LINEAR_IN_PLACE = named("add_ sub_ copy_ fill_ zero_")
"""Whichever view they change, the whole stays linear."""


class ViewChanges(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the names of operations that change a view by more than a linear step."""

    def __init__(self) -> None:
        """Nothing has been changed yet."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the operation; note its name if it changes a view in a way that hides a rule."""
        name = func._schema.name.rpartition("::")[2]
        changes = name.endswith("_") and not name.endswith("__")
        if changes and isinstance(args[0], Tensor) and args[0]._is_view():
            scaled = name in ("mul_", "div_") and not isinstance(args[1], Tensor)
            if name not in LINEAR_IN_PLACE and not scaled:
                self.names.add(name)
        return func(*args, **(kwargs or {}))
