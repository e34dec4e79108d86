"""How a run begins: weights drawn, colours measured, and the net found fit to learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captum_deconvnet_zfnet.data.pictures import DataSet
from captum_deconvnet_zfnet.data.statistics import SCALES, moments
from captum_deconvnet_zfnet.health.activity import check_activity
from captum_deconvnet_zfnet.health.finding import stop_on
from captum_deconvnet_zfnet.health.overfit import check_overfit
from captum_deconvnet_zfnet.health.start import check_start
from captum_deconvnet_zfnet.start import initialise
from captum_deconvnet_zfnet.training.recipe import Recipe


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
