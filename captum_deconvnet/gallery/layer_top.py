"""The strongest activations of every map of one layer, kept while images stream by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from captum_deconvnet.engine.units import Unit
from captum_deconvnet.errors import UnitError
from captum_deconvnet.gallery import exact_sum
from captum_deconvnet.short_repr import short_repr

NOTHING = float("-inf")
"""The value of a place in the top k that no activation has taken."""


@dataclass(frozen=True, eq=False)
class LayerTop:
    """The top k of every map of one layer, best first, and the maps' statistics.

    Of equal activations the one of the lowest image comes first, then the first in row order.
    Where fewer than k were seen, the value is ``-inf`` and the image and the place are -1.

    Args:
        values: the activations, (C, k).
        images: the images they belong to, (C, k).
        places: their positions in the flattened map, (C, k).
        size: rows and columns of a map; frames before them in a video model; empty for logits.
        sums: the exact sum over images of each map's mean activation (see ``exact_sum``).
        active: in how many images each map is above zero somewhere, (C,).
        count: how many images were seen.
    """

    values: Tensor
    images: Tensor
    places: Tensor
    size: tuple[int, ...]
    sums: Tensor
    active: Tensor
    count: int

    __repr__ = short_repr

    @property
    def rows(self) -> Tensor:
        """The rows of the activations in their maps, (C, k)."""
        width = self.size[-1] if self.size else 1
        height = self.size[-2] if len(self.size) > 1 else 1
        return torch.where(self.places < 0, -1, self.places // width % height)

    @property
    def columns(self) -> Tensor:
        """The columns of the activations in their maps, (C, k)."""
        return torch.where(self.places < 0, -1, self.places % (self.size[-1] if self.size else 1))

    @property
    def frames(self) -> Tensor:
        """The frames of the activations, (C, k): 0 but in a video model."""
        return torch.where(self.places < 0, -1, self.places // prod(self.size[-2:]))

    @property
    def mean(self) -> Tensor:
        """The mean activation of every map over all positions and images, (C,) float64."""
        return exact_sum.total(self.sums) / max(self.count, 1)

    @property
    def max(self) -> Tensor:
        """The largest activation of every map, (C,)."""
        return self.values[:, 0]

    @property
    def active_share(self) -> Tensor:
        """The share of images in which each map is above zero somewhere, (C,) float64."""
        return self.active.double() / max(self.count, 1)

    @property
    def dead(self) -> Tensor:
        """Which maps are above zero nowhere in any image, (C,) bool."""
        return self.active == 0

    def units(self, layer: str, channel: int) -> Iterator[Unit]:
        """The activations of one map, best first.

        Args:
            layer: the name that the units are to have.
            channel: index of the feature map, 0 to C - 1.

        Raises:
            UnitError: for a channel that does not exist.
        """
        if not 0 <= channel < len(self.values):
            raise UnitError(
                f"Layer {layer!r} has {len(self.values)} channels, 0 to {len(self.values) - 1}; "
                f"channel {channel} was asked for."
            )
        fields = (self.images, self.rows, self.columns, self.values, self.frames)
        rows = zip(*(field[channel].tolist() for field in fields), strict=True)
        for image, row, column, value, frame in rows:
            if image >= 0:
                yield Unit(image, layer, channel, row, column, value, frame)

    def merged(self, other: LayerTop) -> LayerTop:
        """The top k of two sets of images that have none in common.

        Args:
            other: of the same layer and k.
        """
        values = torch.cat([self.values, other.values], 1)
        images = torch.cat([self.images, other.images], 1)
        places = torch.cat([self.places, other.places], 1)
        chosen = best_columns(values, images, self.values.shape[1])
        return LayerTop(
            values.gather(1, chosen),
            images.gather(1, chosen),
            places.gather(1, chosen),
            self.size,
            self.sums + other.sums,
            self.active + other.active,
            self.count + other.count,
        )


def empty_top(activation: Tensor, k: int) -> LayerTop:
    """Nothing seen yet of a layer whose output is like ``activation`` (N, C, ...)."""
    maps, device = activation.shape[1], activation.device
    nowhere = torch.full((maps, k), -1, dtype=torch.int64, device=device)
    values = torch.full((maps, k), NOTHING, dtype=activation.dtype, device=device)
    active = torch.zeros(maps, dtype=torch.int64, device=device)
    size = tuple(activation.shape[2:])
    return LayerTop(values, nowhere, nowhere, size, exact_sum.empty(maps, device), active, 0)


def best_columns(values: Tensor, images: Tensor, k: int) -> Tensor:
    """The columns of the ``k`` largest values of every row, best first.

    Ties go to the lowest image; within an image the order stays as it is.
    """
    by_image = images.argsort(dim=1, stable=True)
    by_value = values.gather(1, by_image).argsort(dim=1, descending=True, stable=True)
    return by_image.gather(1, by_value[:, :k])


def with_batch(
    top: LayerTop, activation: Tensor, means: Tensor, images: Sequence[int], *, one_per_image: bool
) -> LayerTop:
    """The top k after a batch of images.

    One fast pass finds the peak of every map, block by block. Only for the few maps whose peak
    enters the top k is its position looked up.

    Args:
        top: the top k before.
        activation: the layer's output for the batch, (N, C, ...), finite.
        means: the mean of every map, (N, C); see ``map_means``.
        images: the number of each image.
        one_per_image: keep only the strongest activation of each image.
    """
    blocks = in_blocks(activation)
    crests = blocks.amax(3)
    peaks = crests.amax(2)
    k, maps = top.values.shape[1], activation.shape[1]
    numbers = torch.tensor(images, device=activation.device)
    both = torch.cat([top.images, numbers.expand(maps, -1)], 1)
    rows = best_columns(torch.cat([top.values, peaks.T], 1), both, k)
    channel, slot = (rows >= k).nonzero(as_tuple=True)
    row = rows[channel, slot] - k
    if one_per_image:
        found, places = peaks[row, channel].unsqueeze(1), first_places(blocks, crests, row, channel)
    else:
        found, places = strongest_places(blocks[row, channel].flatten(1), k)
    shape = (maps, k, found.shape[1])
    whose = numbers[row].unsqueeze(1).expand_as(places)
    batch = LayerTop(
        _spread(found, channel, slot, shape, NOTHING),
        _spread(whose, channel, slot, shape, -1),
        _spread(places, channel, slot, shape, -1),
        top.size,
        exact_sum.add(exact_sum.empty(maps, activation.device), means),
        (peaks > 0).sum(0),
        len(images),
    )
    return top.merged(batch)


def in_blocks(activation: Tensor) -> Tensor:
    """A layer's output as (N, C, blocks, positions of a block)."""
    positions = max(prod(activation.shape[2:]), 1)
    lengths = [length for length in range(64, 1025) if positions % length == 0]
    return activation.reshape(*activation.shape[:2], -1, max(lengths, default=positions))


def first_places(blocks: Tensor, crests: Tensor, row: Tensor, channel: Tensor) -> Tensor:
    """The first place of the peak of some maps, (M, 1), by way of the first block that has it."""
    block = crests[row, channel].max(1).indices
    inside = blocks[row, channel, block].max(1).indices
    return (block * blocks.shape[3] + inside).unsqueeze(1)


def map_means(activation: Tensor) -> Tensor:
    """The mean of every map (N, C, ...), summed in float32 at least: (N, C) float32."""
    wide = activation.dtype if activation.dtype == torch.float64 else torch.float32
    return activation.reshape(*activation.shape[:2], -1).mean(2, dtype=wide).float()


def strongest_places(maps: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` largest values of each map (M, positions) and their places, (M, count)."""
    left, found = maps.clone(), []
    for _ in range(min(count, maps.shape[1])):
        value, place = left.max(1)  # the first of equal ones
        found.append((value, place))
        left.scatter_(1, place.unsqueeze(1), NOTHING)
    values, places = zip(*found, strict=True)
    return torch.stack(values, 1), torch.stack(places, 1)


def _spread(
    found: Tensor, channel: Tensor, slot: Tensor, shape: tuple[int, int, int], otherwise: float
) -> Tensor:
    """What was found of some maps, in a table of all channels (C, slots * count)."""
    table = found.new_full(shape, otherwise)
    table[channel, slot] = found
    return table.flatten(1)
