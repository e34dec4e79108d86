"""lightly: ResNets for small pictures."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

NAMES = "resnet-9 resnet-18"


def nets() -> dict[str, Net]:
    """The nets by name."""
    from lightly.models import ResNetGenerator

    return each(NAMES, lambda name: Net(partial(ResNetGenerator, name), (3, 32, 32)))
