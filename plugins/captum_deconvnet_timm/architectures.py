"""Which of timm's architectures have a convolution.

Nearly all do, so the exceptions are the table. It was measured by building every architecture
that timm 1.0.31 lists, 1371 of them, on the meta device: 18 had no convolution module. To measure
again (two minutes), and see the architectures without one::

    python -m captum_deconvnet_timm.architectures

An architecture that a newer timm adds is offered unless its name fits the table; ``load_model``
looks at the net itself, and refuses one without a convolution.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence

from captum_deconvnet.registry import library_names

WITHOUT_CONVOLUTION = ("naflexvit_*", "gemma4_vit_*")
"""Transformers whose patch embedding is a matrix product."""

REASON = "its net has no convolution, so there is nothing to deconvolve"


def names() -> Sequence[str]:
    """The architectures with a convolution."""
    return [name for name in library_names("timm") if not is_without_convolution(name)]


def left_out() -> Mapping[str, str]:
    """The architectures without one, each with the reason."""
    return {name: REASON for name in library_names("timm") if is_without_convolution(name)}


def is_without_convolution(name: str) -> bool:
    """Whether the table says that an architecture has none."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in WITHOUT_CONVOLUTION)


def without_convolution(architectures: Sequence[str]) -> Iterator[str]:
    """Those of ``architectures`` whose net, built without memory for weights, has none."""
    import timm
    import torch
    from torch.nn.modules.conv import _ConvNd

    for name in architectures:
        with torch.device("meta"):
            net = timm.create_model(name)
        if not any(isinstance(module, _ConvNd) for module in net.modules()):
            yield name


if __name__ == "__main__":
    for architecture in without_convolution(library_names("timm")):
        print(architecture)
