"""Localisation, whether a map lies on the object: pointing game, relevance mass, rank accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import ImageError
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    PixelOrder,
    check_channels,
    maps_of,
    net_of,
)
from captum_deconvnet_benchmarks.metrics.passes import proportion
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores


class LocalisationBenchmark:
    """The pointing game (Zhang et al. 2016) and relevance mass and rank (Arras et al. 2022).

    Args:
        model: the model; it is not run.
        tolerance: the strongest pixel hits if it lies nearer than this to the object, in pixels of
            an image of 224; in proportion on smaller ones.
        channels: how maps lose their channels.

    Raises:
        UnknownNameError: for an unknown reduction.
    """

    def __init__(
        self, model: Model, *, tolerance: float = 15.0, channels: str = "absolute"
    ) -> None:
        """Score the maps of ``model``."""
        self.model, self.tolerance = net_of(model), tolerance
        self.channels = check_channels(channels)

    def evaluate(
        self,
        explainer: BoundExplainer,
        inputs: Tensor,
        target: Tensor,
        *,
        attributions: Tensor | None = None,
        seeds: Sequence[int] | None = None,
        regions: Tensor | None = None,
    ) -> Scores:
        """``pointing`` (0 or 1), ``mass`` and ``rank`` in [0, 1], ``area`` of the region.

        ``area`` is the share of the image that the region fills: the mass and the expected rank
        accuracy of a map that knows nothing. The mass is that of absolute values.

        Raises:
            ImageError: without regions, with some that do not fit, or with an empty one.
        """
        regions = checked(regions, inputs)
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        order = PixelOrder(maps)
        return Scores(
            {
                "pointing": self._hits(order, regions),
                "mass": mass(maps, regions),
                "rank": rank_accuracy(order, regions),
                "area": regions.double().mean((1, 2)),
            }
        )

    def _hits(self, order: PixelOrder, regions: Tensor) -> Tensor:
        limit = self.tolerance * proportion(regions.shape)
        return (distance(order.rank == 0, regions) < max(limit, 0.5)).double()


def distance(points: Tensor, regions: Tensor) -> Tensor:
    """How far one point an image is from the nearest pixel of its region, (N,), in pixels.

    Args:
        points: (N, H, W) boolean, one true pixel an image.
        regions: (N, H, W) boolean, not empty.
    """
    height, width = points.shape[1:]
    rows = torch.arange(height, dtype=torch.float64, device=points.device).view(1, -1, 1)
    columns = torch.arange(width, dtype=torch.float64, device=points.device).view(1, 1, -1)
    row = (rows * points).sum((1, 2)).view(-1, 1, 1)
    column = (columns * points).sum((1, 2)).view(-1, 1, 1)
    squares = (rows - row).square() + (columns - column).square()
    return squares.masked_fill(~regions, torch.inf).amin((1, 2)).sqrt()


def mass(maps: Tensor, regions: Tensor) -> Tensor:
    """The share of each map's absolute values that lies in its region; NaN for a map of zeros."""
    sizes = maps.abs()
    return (sizes * regions).sum((1, 2)) / sizes.sum((1, 2))


def rank_accuracy(order: PixelOrder, regions: Tensor) -> Tensor:
    """The share of the K strongest pixels that lie in a region of K pixels."""
    size = regions.sum((1, 2))
    strongest = order.rank < size.view(-1, 1, 1)
    return (strongest & regions).sum((1, 2)).double() / size


def checked(regions: Tensor | None, inputs: Tensor) -> Tensor:
    """Regions (N, H, W) that fit the images; none is empty."""
    if regions is None:
        raise ImageError("Localisation needs regions: boxes or masks of the object in each image.")
    expected = (len(inputs), *inputs.shape[2:])
    if tuple(regions.shape) != expected or regions.dtype != torch.bool:
        raise ImageError(
            f"The regions are {tuple(regions.shape)} of {regions.dtype}; {expected} of torch.bool "
            "were expected."
        )
    if not bool(regions.flatten(1).any(1).all()):
        raise ImageError("A region is empty: leave out images without an object.")
    return regions
