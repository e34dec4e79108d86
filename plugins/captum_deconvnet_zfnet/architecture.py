"""Architectures as data: the paper's net, the one it improved on, and a small one.

The paper's table (Zeiler & Fergus 2014, Fig. 3) gives sizes, not paddings: 224 to 110 needs
padding 1, and 110 to 55 and 26 to 13 need pools with padding 1 or, as in cuda-convnet, pools that
round up. ``zfnet`` pads; ``zfnet_ceil`` rounds up. Sizes are equal, windows lie one pixel apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor

from captum_deconvnet.errors import ModelError


@dataclass(frozen=True)
class Pool:
    """A max pool of 3 by 3 with stride 2.

    Args:
        padding: pixels on every side.
        ceil_mode: whether a last window may hang over the edge.
    """

    padding: int = 0
    ceil_mode: bool = False

    def size(self, incoming: int) -> int:
        """Side of the map for a map of side ``incoming``."""
        steps = (incoming + 2 * self.padding - 3) / 2
        return (ceil(steps) if self.ceil_mode else floor(steps)) + 1


@dataclass(frozen=True)
class ConvLayer:
    """One convolutional layer: filters, ReLU and, if asked for, max pool and contrast norm.

    Args:
        maps: number of filters.
        kernel: side of a filter, in pixels.
        stride: between positions, in pixels.
        padding: pixels on every side.
        pool: the max pool, if any.
        contrast: whether contrast normalisation ends the layer.
    """

    maps: int
    kernel: int
    stride: int = 1
    padding: int = 0
    pool: Pool | None = None
    contrast: bool = False

    def size(self, incoming: int) -> int:
        """Side of the layer's map for a map of side ``incoming``."""
        side = (incoming + 2 * self.padding - self.kernel) // self.stride + 1
        return side if self.pool is None else self.pool.size(side)


@dataclass(frozen=True)
class Architecture:
    """A net of five convolutional layers, two hidden layers or none, and a classifier.

    Args:
        layers: the convolutional layers, from the input up.
        hidden: units of layers 6 and 7; ``None`` for the mean over positions in their place, which
            lets the net take pictures of any size.
        size: side of its pictures, in pixels.
        batch_norm: a batch norm after every convolution, in place of contrast normalisation.
    """

    layers: tuple[ConvLayer, ...]
    hidden: tuple[int, int] | None
    size: int
    batch_norm: bool = False

    def features(self) -> int:
        """How many numbers layer 5 hands to layer 6.

        Raises:
            ModelError: the picture is too small: a map has no position left.
        """
        side = self.size
        for number, layer in enumerate(self.layers, start=1):
            side = layer.size(side)
            if side < 1:
                raise ModelError(
                    f"Pictures of {self.size} pixels are too small: layer {number} has no "
                    "position left."
                )
        return self.layers[-1].maps * side**2


def _last_three(maps: tuple[int, int, int]) -> tuple[ConvLayer, ...]:
    third, fourth, fifth = maps
    return (
        ConvLayer(third, 3, padding=1),
        ConvLayer(fourth, 3, padding=1),
        ConvLayer(fifth, 3, padding=1, pool=Pool()),
    )


def _zfnet(pool: Pool) -> Architecture:
    first = ConvLayer(96, 7, stride=2, padding=1, pool=pool, contrast=True)
    second = ConvLayer(256, 5, stride=2, pool=pool, contrast=True)
    return Architecture((first, second, *_last_three((384, 384, 256))), (4096, 4096), 224)


ZFNET = _zfnet(Pool(padding=1))

ALEXNET = replace(
    ZFNET,
    layers=(
        ConvLayer(96, 11, stride=4, padding=2, pool=Pool(), contrast=True),
        ConvLayer(256, 5, padding=2, pool=Pool(), contrast=True),
        *ZFNET.layers[2:],
    ),
)
"""What the paper's Fig. 6 compares with: layers 1 and 2 of Krizhevsky et al., one tower."""

COMPACT = Architecture(
    layers=(
        ConvLayer(24, 5, padding=2, pool=Pool(padding=1), contrast=True),
        ConvLayer(48, 5, padding=2, pool=Pool(padding=1), contrast=True),
        *_last_three((64, 64, 48)),
    ),
    hidden=(256, 256),
    size=28,
)
"""Ours, for pictures of 28 pixels: the same five layers, without strides in the filters."""

ARCHITECTURES = {
    "zfnet": ZFNET,
    "zfnet_ceil": _zfnet(Pool(ceil_mode=True)),
    "zfnet_bn": replace(ZFNET, batch_norm=True),
    "zfnet_gap": replace(ZFNET, batch_norm=True, hidden=None),
    "alexnet": ALEXNET,
    "compact": COMPACT,
    "compact_bn": replace(COMPACT, batch_norm=True),
}
