"""efficientnet_pytorch: EfficientNets with their own swish."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

NAMES = "efficientnet-b0 efficientnet-b1 efficientnet-b2"


def nets() -> dict[str, Net]:
    """The nets by name."""
    from efficientnet_pytorch import EfficientNet

    return each(NAMES, lambda name: Net(partial(EfficientNet.from_name, name), (3, 64, 64)))
