"""Whether what ran was elementwise: every number made from numbers at its own place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet.projection.call import is_strided, tensors

_SAME_PLACES = frozenset(
    {"clone", "detach", "alias", "_to_copy", "lift_fresh", "copy_", "masked_fill_", "contiguous"}
)


class Observed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Watches operations; what it cannot follow it does not call elementwise."""

    def __init__(self, given: Iterable[Tensor | None]) -> None:
        """Watch what is made of ``given``."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = {_address(tensor) for tensor in given if tensor is not None}
        self._holds = True

    def is_elementwise(self, made: Iterable[Any]) -> bool:
        """Whether all that ran was, and ``made`` comes from it."""
        given = [item for item in made if isinstance(item, Tensor)]
        return self._holds and all(_address(tensor) in self._known for tensor in given)

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation and look at it."""
        output = func(*args, **(kwargs or {}))
        given = [tensor for tensor in tensors(args, kwargs) if tensor.dim()]
        made = tensors(output)
        shapes = {tensor.shape for tensor in (*given, *made)}
        is_known = all(_address(tensor) in self._known for tensor in given)
        if given and not (_keeps_places(func, args) and len(shapes) == 1 and is_known):
            self._holds = False
        elif given:
            self._known.update(map(_address, made))
        return output


def _keeps_places(func: OpOverload, args: tuple[Any, ...]) -> bool:
    if torch.Tag.pointwise in func.tags or func._opname in _SAME_PLACES:
        return True
    if func._opname in ("view", "view_as"):  # shapes are compared
        return True
    return func._opname == "index_put_" and _is_masked(*args[:3])


def _is_masked(tensor: Tensor, indices: Any, values: Tensor) -> bool:
    """``t[mask] = number``."""
    masks = [index for index in indices if index is not None]
    same = len(masks) == 1 and masks[0].dtype is torch.bool and masks[0].shape == tensor.shape
    return same and values.dim() == 0


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if is_strided(tensor) else -1
