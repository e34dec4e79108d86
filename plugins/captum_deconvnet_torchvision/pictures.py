"""Transforms between pictures and inputs, from what torchvision publishes with its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor, nn
from torchvision.models import WeightsEnum
from torchvision.transforms._presets import SemanticSegmentation
from torchvision.transforms.functional import to_tensor

from captum_deconvnet.registry import ClipTransform, Denormalize, ImageTransform

CLIP_FRAMES = 16
"""Frames that the video nets were trained on, at least."""

OPTICAL_FLOW = SemanticSegmentation(resize_size=520, mean=(0.5,) * 3, std=(0.5,) * 3)
"""Colours from -1 to 1 as RAFT has them, at the height of torchvision's own RAFT example."""


@dataclass(frozen=True)
class DetectorSteps:
    """The resizing, normalising and padding that a detector does itself.

    Args:
        transform: the detector's ``GeneralizedRCNNTransform``, in eval mode.
    """

    transform: nn.Module

    def __call__(self, image: Image.Image) -> Tensor:
        """The input (3, H, W) of the detector's backbone; H and W are multiples of 32."""
        images, _ = self.transform([to_tensor(image)])
        batch: Tensor = images.tensors
        return batch[0]


def transforms(
    family: str, net: nn.Module, weights: WeightsEnum
) -> tuple[Callable[[Any], Tensor], Denormalize]:
    """The transform of a net and its inverse.

    Args:
        family: the package of torchvision.models the net is in; empty for classification.
        net: the whole net.
        weights: those whose published preprocessing is wanted.
    """
    if family == "detection":
        own: Any = net.transform
        inverse = Denormalize(tuple(own.image_mean), tuple(own.image_std))
        return ImageTransform(DetectorSteps(own.eval())), inverse
    steps = OPTICAL_FLOW if family == "optical_flow" else weights.transforms()
    if family == "video":
        inverse = Denormalize(tuple(steps.mean), tuple(steps.std), channel_dim=-4)
        return ClipTransform(steps, CLIP_FRAMES), inverse
    return ImageTransform(steps), Denormalize(tuple(steps.mean), tuple(steps.std))
