"""How weights start: Gaussian as in the paper, or scaled to what each unit sums over."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

LAST_STD = 0.01
"""Of the logits' weights: small, so that the loss starts at ln C."""

PAPER_STD = (0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005)
"""Krizhevsky et al. (2012); the paper's "initialized to 1e-2" cannot mean a constant."""

PAPER_FAN_IN = (147, 2400, 2304, 3456, 3456, 9216, 4096)
"""Weights of one unit in layers 1 to 7 of the paper's net."""

Deviation = Callable[[int, int], float]


@torch.no_grad()
def initialise(net: nn.Module, start: str, seed: int) -> None:
    """Draw all weights of the net anew; biases become 0.

    Args:
        net: changed in place.
        start: ``"gaussian"`` or ``"he"``.
        seed: equal seeds give equal weights.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = [each for each in net.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    for number, layer in enumerate(layers):
        last = layer is layers[-1]
        deviation = LAST_STD if last else STARTS[start](number, layer.weight[0].numel())
        layer.weight.copy_(deviation * torch.randn(layer.weight.shape, generator=generator))
        if layer.bias is not None:
            layer.bias.zero_()


def gaussian(number: int, fan_in: int) -> float:
    """The paper's deviation, in a net of the paper's width.

    In narrower nets the same numbers would let activations vanish; there the deviation is what
    gives the layer the gain that it has in the paper's net.
    """
    return PAPER_STD[number] * float((PAPER_FAN_IN[number] / fan_in) ** 0.5)


def he(number: int, fan_in: int) -> float:
    """He et al. (2015): keeps the scale of activations through ReLUs."""
    return float((2 / fan_in) ** 0.5)


STARTS: dict[str, Deviation] = {"gaussian": gaussian, "he": he}
"""Standard deviation, from a layer's number (from 0) and the weights that one unit has."""
