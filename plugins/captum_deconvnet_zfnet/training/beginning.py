"""How a run begins: weights drawn, colours measured, and the net found fit to learn.

Weights are Gaussian as in the paper, or scaled to what each unit sums over.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from captum_deconvnet_zfnet.data.batches import SCALES, moments
from captum_deconvnet_zfnet.data.pictures import DataSet
from captum_deconvnet_zfnet.health.activity import check_activity
from captum_deconvnet_zfnet.health.checks import check_overfit, check_start, stop_on
from captum_deconvnet_zfnet.training.plan import Recipe

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


@torch.no_grad()
def prepare(net: nn.Module, recipe: Recipe, data: DataSet, size: int, seed: int) -> None:
    """Draw the weights, and give the net the mean and deviation of what it will learn from.

    A net that takes pictures of any size gets the mean colour in place of the mean image.
    """
    initialise(net, recipe.start, seed)
    mean, deviation = SCALES[recipe.scale](*moments(data.train, size, seed))
    held = net.get_buffer("input.mean")
    held.copy_(mean if held.shape == mean.shape else mean.mean(dim=(1, 2), keepdim=True))
    net.get_buffer("input.deviation").copy_(deviation)


def require_fit(
    net: nn.Module, pictures: Tensor, labels: Tensor, classes: int, *, show_progress: bool = False
) -> None:
    """Try a net on some pictures before it learns.

    Args:
        net: as it starts; it is left so.
        pictures: (N, C, size, size), as the net takes them.
        labels: (N,).
        classes: how many there are.
        show_progress: whether to show a bar.

    Raises:
        TrainingError: it cannot learn; says why.
    """
    stop_on([*check_start(net, pictures, labels, classes), *check_activity(net, pictures)])
    stop_on(check_overfit(net, pictures, labels, show_progress=show_progress))
