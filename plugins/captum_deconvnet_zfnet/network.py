"""Builds the net of an architecture, and the same net in the sizes of given weights.

Its own modules: what a net subtracts and divides by, and contrast normalisation across maps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet.errors import WeightsError, unknown_name
from captum_deconvnet_zfnet.architecture import ARCHITECTURES, Architecture, ConvLayer

K, WINDOW, ALPHA, BETA = 2.0, 5, 1e-4, 0.75
"""AlexNet's; the paper gives none."""


class ContrastNormalisation(nn.Module):
    """Divides each activation by ``(2 + 1e-4 * s) ** 0.75``.

    ``s`` is the sum of squares over five neighbouring maps at the same position (Krizhevsky et al.
    2012, section 3.3). ``torch.nn.LocalResponseNorm`` divides alpha by the window; this does not.
    The sum is a convolution of 1 by 1, which costs a tenth of torch's three-dimensional pooling.

    Args:
        maps: number of feature maps.

    Example:
        >>> ContrastNormalisation(8)(torch.zeros(1, 8, 4, 4)).shape
        torch.Size([1, 8, 4, 4])
    """

    band: Tensor

    def __init__(self, maps: int) -> None:
        """Lay out which maps are neighbours."""
        super().__init__()
        index = torch.arange(maps)
        near = (index[:, None] - index).abs() <= WINDOW // 2
        self.register_buffer("band", near.float()[..., None, None], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps (N, C, H, W); the shape stays."""
        energy = F.conv2d(maps.square(), self.band)
        return maps * (K + ALPHA * energy).pow(-BETA)


class Standardise(nn.Module):
    """Subtracts a mean image and divides by a deviation; both are saved with the weights.

    The paper subtracts the mean image from colours of 0 to 255: that is ``deviation`` 1/255 here,
    where colours are in [0, 1].

    Args:
        channels: of the pictures.
        size: their side, in pixels.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, size: int) -> None:
        """Start with mean 0 and deviation 1."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, size, size))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Standardise pictures (N, C, size, size) of colours in [0, 1]; the shape stays."""
        return (pictures - self.mean) / self.deviation


STAGES = ("layer1", "layer2", "layer3", "layer4", "layer5")
DROPOUT = 0.5


def architecture_named(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        UnknownNameError: there is none; names the nearest.
    """
    if name not in ARCHITECTURES:
        hint = f"Known: {', '.join(ARCHITECTURES)}."
        raise unknown_name("architecture", name, ARCHITECTURES, hint)
    return ARCHITECTURES[name]


def build(architecture: Architecture, classes: int = 1000, channels: int = 3) -> nn.Sequential:
    """The net, with torch's default weights, in train mode.

    Args:
        architecture: one of ``ARCHITECTURES``, or your own.
        classes: number of logits.
        channels: of the pictures.

    Returns:
        A net from pictures (N, channels, size, size) of colours in [0, 1] to logits (N, classes),
        with the modules ``input``, ``layer1`` to ``layer8``. Without hidden layers, ``pool`` stands
        in the place of ``layer6`` and ``layer7``, and pictures can be of any size.

    Example:
        >>> net = build(ARCHITECTURES["compact"], classes=10, channels=1)
        >>> sum(weight.numel() for weight in net.parameters())
        301018
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict(
        input=Standardise(channels, architecture.size if architecture.hidden else 1)
    )
    for stage, layer in zip(STAGES, architecture.layers, strict=True):
        modules[stage] = _conv_layer(layer, channels, architecture.batch_norm)
        channels = layer.maps
    modules.update(_head(architecture, classes))
    return nn.Sequential(modules)


def build_for(architecture: Architecture, state_dict: Mapping[str, Tensor]) -> nn.Sequential:
    """The net with as many classes, and pictures of the shape, that the weights are for.

    Raises:
        WeightsError: the weights are not those of such a net.
    """
    mean, logits = state_dict.get("input.mean"), state_dict.get("layer8.bias")
    if mean is None or logits is None:
        missing = "input.mean" if mean is None else "layer8.bias"
        raise WeightsError(
            f"The weights have no {missing}: they are not from `deconvnet train`, whose files "
            "are expected here."
        )
    size = mean.shape[-1] if architecture.hidden else architecture.size
    return build(replace(architecture, size=size), len(logits), len(mean))


def _conv_layer(layer: ConvLayer, channels: int, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(OrderedDict(_steps(layer, channels, batch_norm)))


def _steps(layer: ConvLayer, channels: int, batch_norm: bool) -> Iterator[tuple[str, nn.Module]]:
    """A layer's modules in the order of the paper's Fig. 3."""
    yield "conv", nn.Conv2d(channels, layer.maps, layer.kernel, layer.stride, layer.padding)
    if batch_norm:
        yield "norm", nn.BatchNorm2d(layer.maps)
    yield "relu", nn.ReLU()
    if layer.pool is not None:
        yield "pool", nn.MaxPool2d(3, 2, layer.pool.padding, ceil_mode=layer.pool.ceil_mode)
    if layer.contrast and not batch_norm:
        yield "contrast", ContrastNormalisation(layer.maps)


def _head(architecture: Architecture, classes: int) -> Iterator[tuple[str, nn.Module]]:
    """What makes logits of layer 5's maps: layers 6 to 8, or a mean over positions and layer 8."""
    incoming = architecture.features()
    if architecture.hidden is None:
        yield "pool", nn.AdaptiveAvgPool2d(1)
        yield "flatten", nn.Flatten()
        yield "layer8", nn.Linear(architecture.layers[-1].maps, classes)
        return
    sixth, seventh = architecture.hidden
    yield "flatten", nn.Flatten()
    yield "layer6", _hidden_layer(incoming, sixth)
    yield "layer7", _hidden_layer(sixth, seventh)
    yield "layer8", nn.Linear(seventh, classes)


def _hidden_layer(incoming: int, units: int) -> nn.Sequential:
    steps = OrderedDict(
        linear=nn.Linear(incoming, units), relu=nn.ReLU(), dropout=nn.Dropout(DROPOUT)
    )
    return nn.Sequential(steps)
