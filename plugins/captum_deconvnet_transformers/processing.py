"""Pictures as an image processor of transformers prepares them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from PIL import Image
from torch import Tensor

from captum_deconvnet.registry import ImageTransform
from captum_deconvnet.registry.picture_transform import InverseTransform, UserTransform, inverse_of

CARD = Image.new("RGB", (512, 512), (128, 128, 128))


@dataclass(frozen=True)
class ProcessorSteps:
    """One image through a processor.

    Args:
        processor: an image processor of transformers.
    """

    processor: Any

    def __call__(self, image: Image.Image) -> Tensor:
        """The input (3, H, W) for an RGB image."""
        batch: Tensor = self.processor(image, return_tensors="pt")["pixel_values"]
        return batch[0]


def pictures(
    name: str, config: Any
) -> tuple[Callable[[Any], Tensor], InverseTransform, tuple[int, ...]]:
    """The transform of a net, its inverse, and the shape of an input.

    Args:
        name: a folder, a repository of the hub, or a kind of net.
        config: its configuration.
    """
    steps = ProcessorSteps(processor_of(name, config))
    size = tuple(steps(CARD).shape)
    return ImageTransform(steps), inverse_of(UserTransform(steps, name), size[0], len(size)), size


def processor_of(name: str, config: Any) -> Any:
    """The processor saved with a net, or the default one of its kind."""
    place = Path(name).expanduser()
    if "/" not in name and not place.is_dir():
        return default_processor(config)
    try:
        read: Any = transformers.AutoImageProcessor
        return read.from_pretrained(str(place) if place.is_dir() else name)
    except (OSError, ValueError):
        return default_processor(config)


def default_processor(config: Any) -> Any:
    """A new processor of the class that a kind of net has, else of the one that most have."""
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

    try:
        found: Any = IMAGE_PROCESSOR_MAPPING[type(config)]
    except KeyError:
        return transformers.ViTImageProcessor()
    kinds = list(found.values() if isinstance(found, dict) else reversed(found))
    return next(kind for kind in kinds if kind is not None)()
