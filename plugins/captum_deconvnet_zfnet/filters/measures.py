"""What filters and their maps are like: dead, alike, and of which kind."""

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


ONE_COLOUR = 0.6
"""Share of its energy that a filter's largest component must have; of white noise in filters of 7
by 7, one in twenty has 0.5."""

ORIENTED = 0.5
"""Of :func:`orientation`; of white noise in filters of 7 by 7, one in a hundred has 0.35."""

OPPOSITE = 0.5
"""Share of the colour's energy that is not brightness."""


@dataclass(frozen=True)
class Kinds:
    """Shares of a layer's filters, in [0, 1].

    Args:
        edges: one colour times a pattern of one orientation.
        colours: one colour that is the opposite of another rather than bright or dark.
        either: one of both, or both.
    """

    edges: float
    colours: float
    either: float


def kinds(weight: Tensor) -> Kinds:
    """Tell how many filters (N, C, k, k) on colours are edges and pairs of colours.

    Args:
        weight: with C 3, or 1 for grey pictures, whose filters are no pairs of colours.
    """
    share, colour, pattern = components(weight)
    edges = (share >= ONE_COLOUR) & (orientation(pattern) >= ORIENTED)
    brightness = colour.sum(dim=1).square() / colour.shape[1]
    colours = (share >= ONE_COLOUR) & (1 - brightness >= OPPOSITE)
    counted = (edges, colours, edges | colours)
    return Kinds(*(float(each.double().mean()) for each in counted))


def components(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The largest component of each filter (N, C, k, k).

    Returns:
        Its share (N,) of the filter's energy, its colour (N, C) of length 1, its pattern (N, k, k).
    """
    colours, sizes, patterns = torch.linalg.svd(weight.double().flatten(2), full_matrices=False)
    energy = sizes.square()
    share = energy[:, 0] / energy.sum(dim=1).clamp(min=torch.finfo(torch.float64).tiny)
    return share, colours[:, :, 0], patterns[:, 0].unflatten(1, weight.shape[2:])


def orientation(pattern: Tensor) -> Tensor:
    """How far the energy of patterns (N, k, k) lies along one orientation: (N,), in [0, 1].

    The length of the mean over frequencies of ``exp(2i * angle)``, weighted with the energy: 1 for
    a wave, 0 for a spot, which has all orientations alike.
    """
    energy = torch.fft.fft2(pattern.double(), s=(GRID, GRID)).abs().square()
    frequency = torch.fft.fftfreq(GRID, dtype=torch.float64)
    angle = torch.atan2(frequency[:, None].expand(GRID, GRID), frequency.expand(GRID, GRID))
    turned = torch.polar(torch.ones_like(angle), 2 * angle)
    turned[0, 0] = 0
    along: Tensor = (energy * turned).sum(dim=(1, 2)).abs() / energy.sum(dim=(1, 2))
    return along
