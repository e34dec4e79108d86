"""torchvision's convolutional nets as ``torchvision/<builder>``, every one that it lists.

Classification, segmentation and video nets come whole. A detector comes as its backbone, and an
optical flow net as its feature encoder: the parts that one picture passes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum_deconvnet.registry import hookimpl
from captum_deconvnet_torchvision.builder_names import left_out, names

if TYPE_CHECKING:
    from captum_deconvnet.registry import LoadedModel
    from captum_deconvnet.registry.hookspecs import RegisterModels


@hookimpl
def register_models(register: RegisterModels) -> None:
    """Offer ``torchvision/*``; torchvision's models are imported when they are asked for."""
    register("torchvision", names, load, left_out=left_out)


def load(name: str, weights: str | None) -> LoadedModel:
    """Build one net with random or published weights."""
    from captum_deconvnet_torchvision.loading import load

    return load(name, weights)
