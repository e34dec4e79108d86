"""Local response normalisation: several operations to autograd, and one row of the rule table."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

normalise = F.local_response_norm


class LocalResponseNorm(torch.autograd.Function):
    """The operation as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, *settings: Any) -> Tensor:
        """As torch computes it."""
        ctx.save_for_backward(image)
        ctx.settings = settings
        return normalise(image, *settings)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Any:
        """Its derivative."""
        (image,) = ctx.saved_tensors
        with torch.enable_grad():
            given = image.detach().requires_grad_()
            (found,) = torch.autograd.grad(normalise(given, *ctx.settings), given, signals[0])
        return (found, *(None for _ in ctx.settings))


class AsOneNode(TorchFunctionMode):
    """Runs every local response normalisation as one node."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function."""
        given = kwargs or {}
        if func is not normalise:
            return func(*args, **given)
        defaults = {"size": None, "alpha": 1e-4, "beta": 0.75, "k": 1.0} | given
        settings = [*args[1:], *list(defaults.values())[len(args) - 1 : 4]]
        with torch._C.DisableTorchFunctionSubclass():
            return LocalResponseNorm.apply(args[0], *settings)
