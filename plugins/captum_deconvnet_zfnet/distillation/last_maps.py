"""A net's last maps, and its logits at every position of them.

Many nets end with the mean over positions and one linear layer. The linear layer commutes with the
mean, so it makes logits of every single position too, whose mean are the net's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import TrainingError

TOLERANCE = 1e-4


class LastMaps:
    """Runs a net, and hands out its last maps beside its logits.

    Args:
        net: from pictures (N, C, H, W) to logits (N, K).
        example: a picture (1, C, H, W) to find the last maps with.

    Raises:
        TrainingError: the net has no maps of more than one position.
    """

    def __init__(self, net: nn.Module, example: Tensor) -> None:
        """Find the last maps, and the linear layer that makes logits of their mean."""
        self.net = net
        seen = _seen(net, example)
        maps = {path: out for path, (_, out) in seen.items() if _is_map(out)}
        if not maps:
            raise TrainingError("The net has no maps with more than one position to learn from.")
        linear = [path for path in seen if isinstance(net.get_submodule(path), nn.Linear)]
        self.path, self.linear = list(maps)[-1], None
        if linear and seen[linear[-1]][0].ndim == 2:
            mean = seen[linear[-1]][0]
            for path, out in maps.items():
                if _is_mean(mean, out):
                    self.path, self.linear = path, net.get_submodule(linear[-1])
        self.maps = maps[self.path].shape[1]

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (N, M, h, w) and logits (N, K) of pictures (N, C, H, W)."""
        found: list[Tensor] = []
        layer = self.net.get_submodule(self.path)
        with _hooked(layer, lambda module, args, out: found.append(out)):
            logits = self.net(pictures)
        return found[-1], logits

    def logits_at(self, maps: Tensor) -> Tensor:
        """Logits (N, h, w, K) at each position of maps (N, M, h, w)."""
        assert self.linear is not None
        logits: Tensor = self.linear(maps.movedim(1, -1))
        return logits


def _is_map(value: Tensor) -> bool:
    return value.ndim == 4 and value.shape[-1] * value.shape[-2] > 1


def _is_mean(mean: Tensor, maps: Tensor) -> bool:
    found = maps.mean(dim=(2, 3))
    return found.shape == mean.shape and torch.allclose(found, mean, TOLERANCE, TOLERANCE)


@torch.no_grad()
def _seen(net: nn.Module, example: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """First input and output of each module that takes and gives one tensor, in order of use."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(path: str) -> Any:
        def see(module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
            if args and isinstance(args[0], Tensor) and isinstance(out, Tensor):
                seen[path] = (args[0], out)

        return see

    training = net.training
    net.eval()
    with ExitStack() as stack:
        stack.callback(net.train, training)
        for path, module in net.named_modules():
            if path:
                stack.callback(module.register_forward_hook(watch(path)).remove)
        net(example)
    return seen


@contextmanager
def _hooked(module: nn.Module, hook: Any) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
