"""A net of another library made ready to be measured.

From the name of a net of another library to its row, in a child process.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from functools import cache, partial
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from captum_deconvnet.registry.stages import FEW_CONVOLUTIONS, find_stages
from captum_deconvnet_benchmarks.zoo.census import Size
from captum_deconvnet_benchmarks.zoo.measure import measure_subject
from captum_deconvnet_benchmarks.zoo.outside import criteria
from captum_deconvnet_benchmarks.zoo.outside.libraries import LIBRARIES
from captum_deconvnet_benchmarks.zoo.outside.net import Net
from captum_deconvnet_benchmarks.zoo.outside.report import FILE, OutsideRow
from captum_deconvnet_benchmarks.zoo.row import Row
from captum_deconvnet_benchmarks.zoo.subject import LOGIT, OneOutput, Subject, ready
from captum_deconvnet_benchmarks.zoo.sweep import send_row, timed
from captum_deconvnet_benchmarks.zoo.visit import Collection
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


pass


@cache
def nets() -> Mapping[str, Net]:
    """The nets of every library that is installed, by full name."""
    found: dict[str, Net] = {}
    for library in LIBRARIES:
        if library.is_installed:
            found.update(library.nets())
    return found


def names(pattern: str) -> list[str]:
    """The full names that fit ``pattern``, sorted."""
    return sorted(fnmatch.filter(nets(), pattern))


def packages() -> tuple[str, ...]:
    """What the libraries that are there were installed as."""
    return tuple(library.distribution for library in LIBRARIES if library.is_installed)


def measure(name: str, seed: int) -> OutsideRow:
    """Project one net and compare, as for the zoo; then its patches and its occlusion."""
    case = subject(nets()[name], seed)
    patches = criteria.patches_error(case)
    occlusion = criteria.occlusion(subject(nets()[name], seed))  # in float32 again
    case = subject(nets()[name], seed)
    row = measure_subject(case, name, size(case))
    return OutsideRow(
        **dataclasses.asdict(row),
        layers=" ".join(layer for layer in case.layers if layer != LOGIT),
        patches_error=patches,
        occlusion_error=occlusion.error,
        occlusion_whole=occlusion.reason,
    )


def size(case: Subject) -> Size:
    """Where a net is defined, and how many numbers it learns."""
    family = type(case.model.net).__module__.rpartition(".")[2].removeprefix("modeling_")
    return Size(family, sum(parameter.numel() for parameter in case.model.parameters()))


def visit(name: str, seed: int, pipe: Connection) -> Row | None:
    """The row of a net; the parent is told of no size, since none is large."""
    pipe.send(0)
    return timed(name, lambda: measure(name, seed)) if pipe.recv() else None


OUTSIDE = Collection(FILE, names, partial(send_row, visit), packages, OutsideRow)
"""Nets of other libraries than torchvision and timm."""
