"""Whether a net has a convolution at all: without one there is nothing to deconvolve."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils._python_dispatch import TorchDispatchMode

from captum_deconvnet.registry.call_tree import call_tree


def has_convolution(model: nn.Module, example_input: Callable[[], Tensor]) -> bool:
    """Whether ``model`` has a convolution module or, if not, runs a convolution.

    Args:
        model: the net.
        example_input: makes an input for it; called only if no module settles the question.

    Raises:
        ModelError: the net had to be run and does not run on that input.
    """
    if any(isinstance(module, _ConvNd) for module in model.modules()):
        return True
    watch = _Watch()  # type: ignore[no-untyped-call]
    with watch:
        call_tree(model, example_input())
    return watch.seen


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Looks for the operation that every convolution ends in."""

    seen: bool = False

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        self.seen |= func is torch.ops.aten.convolution.default
        return func(*args, **(kwargs or {}))
