"""The row of one net of another library: projections, patches and occlusion, in a child process."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection

import torch
from captum.attr import Occlusion
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

import captum_deconvnet as cdn
from captum_deconvnet.engine.units import activation_of
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.registry.stages import FEW_CONVOLUTIONS, find_stages
from captum_deconvnet_benchmarks.zoo.census import Size
from captum_deconvnet_benchmarks.zoo.measure import TOLERANCE, measure_subject
from captum_deconvnet_benchmarks.zoo.outside.libraries import LIBRARIES, Net
from captum_deconvnet_benchmarks.zoo.outside.report import FILE, OutsideRow
from captum_deconvnet_benchmarks.zoo.projections import relative_error
from captum_deconvnet_benchmarks.zoo.row import SweepRow
from captum_deconvnet_benchmarks.zoo.subject import LOGIT, OneOutput, Subject, ready
from captum_deconvnet_benchmarks.zoo.sweep import send_row, timed
from captum_deconvnet_benchmarks.zoo.visit import Collection
from captum_deconvnet_benchmarks.zoo.weights import calibrate, enliven

UNITS = 3
"""Of each of three layers: the lowest, one halfway up, the highest."""

FILL = 0.25


class OneNumber(nn.Module):
    """All outputs of a net as one number: a single one may be cut off, and change nowhere."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap ``model``."""
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        """A weighted sum, (N, 1)."""
        outputs: Tensor = self.model(image).flatten(1)
        weights = torch.cos(torch.arange(outputs.shape[1], dtype=outputs.dtype))
        return (outputs * weights).sum(1, keepdim=True)


@dataclass(frozen=True)
class Occluded:
    """How occlusion went.

    Args:
        error: from Captum's, relative to its largest value.
        reason: why nothing could be left out, as the class says; empty if something could.
    """

    error: float
    reason: str


def patches_error(case: Subject) -> float:
    """Of patches, in float32; in float64 where rounding may be all that is between the two."""
    found = worst_patch(case)
    return found if found <= TOLERANCE else worst_patch(case.in_double())


def worst_patch(case: Subject) -> float:
    """The largest error of patches from the projections that they are cut from."""
    stages = [layer for layer in case.layers if layer != LOGIT]
    chosen = tuple(dict.fromkeys(stages[index] for index in (0, len(stages) // 2, -1) if stages))
    recording = cdn.record(case.model, case.image, chosen)
    return max((patch_error(recording, layer) for layer in chosen), default=0.0)


def patch_error(recording: cdn.Recording, layer: str) -> float:
    """The largest error at a few units of a layer: strong ones, and one in a corner."""
    strong = sorted(recording.strongest(layer), key=activation_of, reverse=True)[: UNITS - 1]
    units = [*strong, cdn.Unit(0, layer, 0)]
    whole = recording.project(units, seed=1.0)
    assert isinstance(whole, Tensor)
    patches = recording.project_patches(units, seed=1.0)
    return max(
        relative_error(pasted(patch, projection), projection)
        for patch, projection in zip(patches, whole, strict=True)
    )


def pasted(patch: cdn.Patch, projection: Tensor) -> Tensor:
    """A patch on an empty picture."""
    box, picture = patch.box, torch.zeros_like(projection)
    picture[..., box.top : box.bottom, box.left : box.right] = patch.pixels
    return picture


def occlusion_error(case: Subject) -> Occluded:
    """Occlusion in float32; in float64 too where rounding may be all that is between the two."""
    found = occluded(case)
    return found if found.error <= TOLERANCE else occluded(case.in_double())


def occluded(case: Subject) -> Occluded:
    """Four windows that overlap, by our class and by Captum's."""
    model = OneNumber(case.model)
    *leading, height, width = case.image.shape[1:]
    longer = max(1, height * 5 // 8), width * 5 // 8  # a sound has a height of 1
    windows = {
        "sliding_window_shapes": (*leading, *longer),
        "strides": (*leading, max(1, height // 2), width // 2),
        "baselines": FILL,
        "target": 0,
    }
    reason = ""
    try:
        found = cdn.Occlusion(model, method="incremental").attribute(case.image, **windows)
    except UnsupportedOperationError as refused:
        reason = str(refused)
        found = cdn.Occlusion(model).attribute(case.image, **windows)
    with torch.no_grad():
        right = Occlusion(model).attribute(case.image, **windows)
    return Occluded(relative_error(found, right.to(found)), reason)


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
    patches = patches_error(case)
    occlusion = occlusion_error(subject(nets()[name], seed))  # in float32 again
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


def visit(name: str, seed: int, pipe: Connection) -> SweepRow | None:
    """The row of a net; the parent is told of no size, since none is large."""
    pipe.send(0)
    return timed(name, lambda: measure(name, seed)) if pipe.recv() else None


OUTSIDE = Collection(FILE, names, partial(send_row, visit), packages, OutsideRow)
"""Nets of other libraries than torchvision and timm."""
