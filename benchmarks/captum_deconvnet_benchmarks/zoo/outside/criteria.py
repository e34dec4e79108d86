"""What is checked of nets of other libraries beside what the zoo's are: patches and occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from captum.attr import Occlusion
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet_benchmarks.zoo.measure import TOLERANCE
from captum_deconvnet_benchmarks.zoo.projections import relative_error
from captum_deconvnet_benchmarks.zoo.subject import LOGIT, Subject

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
    chosen = tuple(dict.fromkeys(stages[place] for place in (0, len(stages) // 2, -1) if stages))
    recording = cdn.record(case.model, case.image, chosen)
    return max((patch_error(recording, layer) for layer in chosen), default=0.0)


def patch_error(recording: cdn.Recording, layer: str) -> float:
    """The largest error at a few units of a layer: strong ones, and one in a corner."""
    strong = sorted(recording.strongest(layer), key=lambda unit: -unit.value)[: UNITS - 1]
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


def occlusion(case: Subject) -> Occluded:
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
