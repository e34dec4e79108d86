"""Filters in numbers: do some dominate, are some dead, do they see what their stride loses?

The paper's Fig. 6 shows these faults by eye; the measures are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_deconvnet_zfnet.health.activity import observe

GRID = 64
"""Frequencies an axis that a filter's spectrum is sampled at."""


@dataclass(frozen=True)
class LayerMeasures:
    """One convolutional layer of one net.

    Args:
        layer: its path.
        filters: how many.
        kernel: side of a filter, in pixels of its input.
        stride: in the same pixels.
        median_rms: median over filters of the root mean square of a filter's weights.
        spread: largest root mean square over the median: 1 if all are equal.
        centroid: mean frequency of the filters' energy, in cycles a pixel; at most 0.71.
        aliasing: share of their energy above the Nyquist frequency of the stride.
        dead: share that never fires on the pictures tried; ``None`` without pictures.
    """

    layer: str
    filters: int
    kernel: int
    stride: int
    median_rms: float
    spread: float
    centroid: float
    aliasing: float
    dead: float | None


def measure(net: nn.Module, layer: str, pictures: Tensor | None) -> LayerMeasures:
    """Measure the convolution of one layer.

    Args:
        net: with ``layer.conv`` and ``layer.relu``.
        layer: such as ``"layer1"``.
        pictures: (N, C, size, size), as the net takes them, to see which filters fire.
    """
    conv = net.get_submodule(f"{layer}.conv")
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight.detach().cpu()
    size = filter_rms(weight)
    dead = None
    if pictures is not None:
        dead = observe(net, pictures)[f"{layer}.relu"].dead
    return LayerMeasures(
        layer,
        len(weight),
        weight.shape[-1],
        conv.stride[0],
        float(size.median()),
        float(size.max() / size.median()),
        spectral_centroid(weight),
        aliasing(weight, conv.stride[0]),
        dead,
    )


def filter_rms(weight: Tensor) -> Tensor:
    """Root mean square of each filter of (N, C, k, k): (N,)."""
    return weight.square().mean(dim=(1, 2, 3)).sqrt()


def spectral_centroid(weight: Tensor) -> float:
    """Mean frequency of the energy of filters (N, C, k, k), in cycles a pixel.

    A constant filter's is low, that of a checkerboard 0.71.
    """
    energy = spectrum(weight)
    frequency = torch.fft.fftfreq(GRID)
    distance = (frequency[:, None].square() + frequency.square()).sqrt()
    return float((energy * distance).sum() / energy.sum())


def aliasing(weight: Tensor, stride: int) -> float:
    """Share of the energy of filters (N, C, k, k) that a stride folds onto lower frequencies.

    Steps of ``stride`` pixels can tell frequencies up to ``0.5 / stride`` along each axis. With
    stride 1 nothing is lost.
    """
    energy = spectrum(weight)
    lost = torch.fft.fftfreq(GRID).abs() > 0.5 / stride
    return float(energy[lost[:, None] | lost].sum() / energy.sum())


def spectrum(weight: Tensor) -> Tensor:
    """Energy of filters (N, C, k, k) at each frequency, summed over filters: (64, 64)."""
    energy: Tensor = torch.fft.fft2(weight.float(), s=(GRID, GRID)).abs().square()
    return energy.sum(dim=(0, 1))
