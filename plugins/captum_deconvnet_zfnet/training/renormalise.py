"""Filter renormalisation (Zeiler & Fergus 2014, section 3): no filter dominates."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def renormalise(net: nn.Module, largest: float) -> None:
    """Scale every convolutional filter whose root mean square exceeds ``largest`` back to it.

    Args:
        net: changed in place; biases and other modules stay.
        largest: root mean square over a filter's weights; the paper's is 0.1.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            size = module.weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
            module.weight.mul_((largest / size).clamp(max=1))
