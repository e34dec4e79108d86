"""``zfnet/fashion_mnist``: the compact net, trained; weights and pictures are in this package."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from PIL import Image

from captum_deconvnet.errors import unknown_name
from captum_deconvnet.registry import LoadedModel, fit, read_state_dict
from captum_deconvnet_zfnet.data.fashion_mnist import CATEGORIES, SIZE
from captum_deconvnet_zfnet.loading import RANDOM, described
from captum_deconvnet_zfnet.network import architecture_named, build

PACKAGE = Path(__file__).parent
WEIGHTS = PACKAGE / "weights" / "fashion_mnist.safetensors"
SAMPLES = PACKAGE / "samples"
EMBEDDED = "embedded"
TAGS = (EMBEDDED, "DEFAULT", RANDOM)


def load(weights: str | None) -> LoadedModel:
    """The net, with the weights of this package unless ``weights`` is ``"random"``.

    Raises:
        UnknownNameError: the tag is none of ``embedded``, ``DEFAULT`` and ``random``.
    """
    if weights is not None and weights not in TAGS:
        raise unknown_name("weights tag", weights, TAGS, f"Known: {', '.join(TAGS)}.")
    net = build(architecture_named("compact"), len(CATEGORIES), channels=1)
    loaded = dataclasses.replace(
        described("fashion_mnist", net, SIZE), categories=CATEGORIES, resized=None, samples=samples
    )
    if weights == RANDOM:
        return loaded
    fit(loaded.model, read_state_dict(WEIGHTS), WEIGHTS)
    return dataclasses.replace(loaded, weights=EMBEDDED)


def samples() -> dict[str, Image.Image]:
    """Test images of Fashion-MNIST (MIT licence), each by its file's name."""
    found = {}
    for path in sorted(SAMPLES.glob("*.png")):
        with Image.open(path) as image:
            found[path.stem] = image.copy()
    return found
