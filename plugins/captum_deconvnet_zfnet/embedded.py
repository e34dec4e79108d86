"""The nets whose weights are in this package, such as ``zfnet/fashion_mnist``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from captum_deconvnet.errors import unknown_name
from captum_deconvnet.registry import LoadedModel, fit, read_state_dict
from captum_deconvnet_zfnet.data import fashion_mnist
from captum_deconvnet_zfnet.loading import RANDOM, described
from captum_deconvnet_zfnet.network import architecture_named, build

PACKAGE = Path(__file__).parent
WEIGHTS = PACKAGE / "weights"
SAMPLES = PACKAGE / "samples"
EMBEDDED = "embedded"
TAGS = (EMBEDDED, "DEFAULT", RANDOM)


@dataclass(frozen=True)
class Embedded:
    """A net that comes trained.

    Args:
        architecture: its name.
        channels: of its pictures.
        size: of its pictures, in pixels.
        categories: gives what each logit stands for.
        samples: gives pictures that come with it, by name.
    """

    architecture: str
    channels: int
    size: int
    categories: Callable[[], tuple[str, ...]]
    samples: Callable[[], Mapping[str, Image.Image]] = dict


def load(name: str, weights: str | None) -> LoadedModel:
    """The net, with the weights of this package unless ``weights`` is ``"random"``.

    Raises:
        UnknownNameError: the tag is none of ``embedded``, ``DEFAULT`` and ``random``.
    """
    if weights is not None and weights not in TAGS:
        raise unknown_name("weights tag", weights, TAGS, f"Known: {', '.join(TAGS)}.")
    known = NETS[name]
    categories = known.categories()
    net = build(architecture_named(known.architecture), len(categories), known.channels)
    loaded = dataclasses.replace(
        described(name, net, known.size),
        categories=categories,
        resized=None,
        samples=known.samples,
    )
    if weights == RANDOM:
        return loaded
    path = WEIGHTS / f"{name}.safetensors"
    fit(loaded.model, read_state_dict(path), path)
    return dataclasses.replace(loaded, weights=EMBEDDED)


def samples() -> dict[str, Image.Image]:
    """Test images of Fashion-MNIST (MIT licence), each by its file's name."""
    found = {}
    for path in sorted(SAMPLES.glob("*.png")):
        with Image.open(path) as image:
            found[path.stem] = image.copy()
    return found


def imagenet() -> tuple[str, ...]:
    """ImageNet's thousand classes."""
    from torchvision.models import EfficientNet_B0_Weights

    return tuple(EfficientNet_B0_Weights.DEFAULT.meta["categories"])


def clothes() -> tuple[str, ...]:
    """Fashion-MNIST's ten classes."""
    return fashion_mnist.CATEGORIES


NETS = {
    "photographs": Embedded("zfnet_gap", 3, 224, imagenet),
    "fashion_mnist": Embedded("compact", 1, fashion_mnist.SIZE, clothes, samples),
}
"""By name; the weights are ``weights/<name>.safetensors``."""
