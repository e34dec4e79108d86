"""A net of another library made ready to be measured."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from captum_deconvnet.registry.stages import FEW_CONVOLUTIONS, find_stages
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
    layers = find_stages(model, image) or filters(model, image)
    return ready(OneOutput(model, net.output), image, layers)


def filters(model: nn.Module, image: Tensor) -> tuple[str, ...]:
    """A few convolutions from the first to the last that run: the layers of what is no picture."""
    ran: dict[str, bool] = {}  # whether the output is of the one input, not of several parts of it

    def note(path: str, output: Tensor) -> None:
        ran[path] = len(output) == 1

    convolutions = [(p, m) for p, m in model.named_modules() if isinstance(m, _ConvNd)]
    hooks = [
        module.register_forward_hook(lambda _, args, output, path=path: note(path, output))
        for path, module in convolutions
    ]
    model(image)
    for hook in hooks:
        hook.remove()
    paths = [path for path, is_own in ran.items() if is_own]
    return tuple(paths[:: -max(1, len(paths) // FEW_CONVOLUTIONS)][::-1])
