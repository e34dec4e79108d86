"""A net of another library made ready to be measured."""

from __future__ import annotations

import torch

from captum_deconvnet.registry.stages import find_stages
from captum_deconvnet_benchmarks.zoo.one_output import OneOutput
from captum_deconvnet_benchmarks.zoo.outside.net import Net
from captum_deconvnet_benchmarks.zoo.subject import Subject, ready
from captum_deconvnet_benchmarks.zoo.weights import calibrate, enliven


@torch.no_grad()
def subject(net: Net, seed: int) -> Subject:
    """Build a net with random weights, and find its stages on a random picture.

    Args:
        net: from the table.
        seed: of weights and picture.
    """
    torch.manual_seed(seed)
    model = net.build().eval().requires_grad_(False)
    enliven(model)
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2, *net.shape, generator=generator)
    calibrate(model, images)
    image = images[:1].clone()
    return ready(OneOutput(model, net.output), image, find_stages(model, image))
