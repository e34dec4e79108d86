"""open_clip: its image towers that are conv nets."""

from __future__ import annotations

from functools import partial

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

TOWERS = "RN50 RN101 RN50-quickgelu RN50x4 convnext_tiny convnext_small"


def build(name: str) -> nn.Module:
    """The image tower of a model, for small pictures."""
    import open_clip

    made = open_clip.create_model(name, pretrained=None, force_image_size=SIDE)
    tower: nn.Module = made.visual
    return tower


SIDE = 64


def nets() -> dict[str, Net]:
    """The nets by name."""
    return each(TOWERS, lambda name: Net(partial(build, name), (3, SIDE, SIDE)))
