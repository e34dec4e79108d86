"""What filters on colours are: oriented edges, pairs of opposite colours, or neither.

The paper shows by eye that trained first layers are made of both (Zeiler & Fergus 2014, Figs. 2 and
6). The measures are ours. Each filter is taken apart into one colour times one pattern and a rest
(its largest singular component); filters of noise have no such component that stands out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet_zfnet.filters.measures import GRID

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
