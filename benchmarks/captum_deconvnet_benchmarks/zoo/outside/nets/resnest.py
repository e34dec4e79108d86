"""resnest: split attention as its authors wrote it."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

NAMES = "resnest50 resnest50_fast_1s1x64d resnest50_fast_2s1x64d resnest50_fast_4s1x64d"


def nets() -> dict[str, Net]:
    """The nets by name."""
    import resnest.torch as library

    return each(NAMES, lambda name: Net(partial(getattr(library, name), pretrained=False)))
