"""Planted images, and nets whose activations are whole numbers, so that ties are real."""

from __future__ import annotations

import pytest
import torch
from torch import nn


@pytest.fixture
def net():
    """Two layers of whole-numbered filters; the rectifiers work in place."""
    torch.manual_seed(5)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 2),
        nn.ReLU(True),
    ).eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randint(-2, 3, weight.shape))
    return net


@pytest.fixture
def images():
    """23 images of few grey levels: many activations are equal, within and across images."""
    generator = torch.Generator().manual_seed(11)
    return torch.randint(0, 2, (23, 1, 8, 9), generator=generator).float()


@pytest.fixture
def pictures():
    """The outputs of a layer, each image by itself: a dictionary by layer of (N, C, H, W)."""

    def run(net, images, layer):
        rows = []
        with torch.no_grad():
            for image in images:
                signal = image[None]
                for name, module in net.named_children():
                    signal = module(signal.clone())
                    if name == layer:
                        rows.append(signal.clone())
        return torch.cat(rows)

    return run
