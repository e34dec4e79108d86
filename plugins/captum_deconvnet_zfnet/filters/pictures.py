"""Filters as pictures: those of layer 1 as they are, those of layer 2 through layer 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def filter_pictures(net: nn.Module, layer: str) -> Tensor:
    """Each filter of layer 1 or 2 in pixels: (filters, C, side, side), signed.

    A layer-2 filter is drawn as its transposed convolution onto the filters of layer 1, with every
    max pool in between passing the middle of its window. No data are needed; nothing is rectified.

    Args:
        net: of this plugin.
        layer: ``"layer1"`` or ``"layer2"``.
    """
    first = _conv(net, "layer1")
    if layer == "layer1":
        return first.weight.detach()
    weight = _conv(net, layer).weight.detach()
    jump = 2 if hasattr(net.get_submodule("layer1"), "pool") else 1
    side = (weight.shape[-1] - 1) * jump + 1
    spread = torch.zeros(*weight.shape[:2], side, side, dtype=weight.dtype)
    spread[..., ::jump, ::jump] = weight
    return F.conv_transpose2d(spread, first.weight.detach(), stride=first.stride[0])


def _conv(net: nn.Module, layer: str) -> nn.Conv2d:
    conv = net.get_submodule(f"{layer}.conv")
    assert isinstance(conv, nn.Conv2d)
    return conv
