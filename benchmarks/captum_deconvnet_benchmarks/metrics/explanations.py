"""The maps that a metric scores: made, checked, reduced to one channel, their pixels ordered.

A benchmark can be constructed with a net, a loaded model or a subject.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from captum_deconvnet import LoadedModel
from captum_deconvnet.errors import ModelError, NonFiniteError, unknown_name
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Subject

CHANNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "signed": lambda maps: maps.sum(1),
    "absolute": lambda maps: maps.abs().sum(1),
    "maximum": lambda maps: maps.abs().amax(1),
}
"""How a map (N, C, H, W) becomes one of space (N, H, W)."""


def check_channels(channels: str) -> str:
    """The name of a reduction of channels, if it is one.

    Raises:
        UnknownNameError: if not.
    """
    if channels not in CHANNELS:
        raise unknown_name("reduction of channels", channels, CHANNELS)
    return channels


def seeds_or_numbers(seeds: Sequence[int] | None, count: int) -> list[int]:
    """One seed an image: those given, or 0 to count - 1.

    Raises:
        ModelError: if there is not one an image.
    """
    found = list(range(count)) if seeds is None else list(seeds)
    if len(found) != count:
        raise ModelError(f"There are {len(found)} seeds for {count} images; give one an image.")
    return found


def maps_of(
    explainer: BoundExplainer,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int] | None,
    attributions: Tensor | None = None,
) -> Tensor:
    """The maps (N, C or 1, H, W) of images, in float64: those given, or new ones.

    Raises:
        ModelError: for maps that do not fit the images.
        NonFiniteError: for maps with NaN or infinite values.
    """
    if attributions is None:
        attributions = explainer(inputs, target, seeds_or_numbers(seeds, len(inputs)))
    return checked(attributions.detach(), inputs, explainer.explainer.name).double()


def versions_explained(
    explainer: BoundExplainer, versions: Tensor, target: Tensor, seeds: Sequence[int]
) -> Tensor:
    """The maps of versions (V, C, H, W) of one image, in float64.

    Versions of one image go together, and never those of two, so that the size of the batch does
    not depend on how many images are scored.
    """
    return maps_of(explainer, versions, target, seeds)


def checked(maps: Tensor, inputs: Tensor, name: str) -> Tensor:
    """Maps that fit the images and are finite."""
    channels = inputs.shape[1]
    fits = maps.dim() == 4 and maps.shape[1] in (1, channels)
    if not fits or maps.shape[0] != len(inputs) or maps.shape[2:] != inputs.shape[2:]:
        raise ModelError(
            f"The explainer {name!r} gives {tuple(maps.shape)} for images {tuple(inputs.shape)}; "
            f"maps (N, {channels} or 1, H, W) were expected."
        )
    if not bool(torch.isfinite(maps).all()):
        raise NonFiniteError(f"The explainer {name!r} gives NaN or infinite values.")
    return maps


Model: TypeAlias = "nn.Module | LoadedModel | Subject"


def net_of(model: Model) -> nn.Module:
    """The net itself.

    Raises:
        AssertionError: if there is none, as Captum does.
    """
    net = model.model if isinstance(model, (LoadedModel, Subject)) else model
    assert isinstance(net, nn.Module), f"A model is expected, not {type(net).__name__}."
    return net


def class_scores(model: nn.Module, inputs: Tensor) -> Tensor:
    """The logits (N, K) of a batch, without autograd.

    Raises:
        ModelError: if the model gives something else.
        NonFiniteError: if a logit is NaN or infinite.
    """
    with torch.no_grad():
        found = model(inputs)
    if not isinstance(found, Tensor) or found.dim() != 2:
        given = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ModelError(f"The model gives {given}; class scores (N, K) were expected.")
    if not bool(torch.isfinite(found).all()):
        raise NonFiniteError("The model gives NaN or infinite class scores.")
    return found


class PixelOrder:
    """The order of the pixels of maps, equal ones row by row.

    Args:
        maps: (N, H, W).

    Attributes:
        rank: (N, H, W), 0 for the strongest pixel.
        tied: (N,) the share of pixels that have the value of another one.
    """

    def __init__(self, maps: Tensor) -> None:
        """Order the pixels of ``maps``."""
        flat = maps.flatten(1)
        ordered, order = flat.sort(dim=1, descending=True, stable=True)
        places = torch.arange(flat.shape[1], device=flat.device).expand_as(order)
        self.rank = torch.empty_like(order).scatter_(1, order, places).view_as(maps)
        self.tied = _tied(ordered)

    @property
    def pixels(self) -> int:
        """How many pixels a map has."""
        return self.rank.shape[1] * self.rank.shape[2]

    def counts(self, steps: int) -> Tensor:
        """How many pixels have been taken after 0 to ``steps`` steps of even size."""
        return torch.arange(steps + 1) * self.pixels // steps

    def strongest(self, image: Tensor, count: Tensor) -> Tensor:
        """Where the ``count`` (P,) strongest pixels of images (P,) are: (P, 1, H, W)."""
        rank = self.rank[image.to(self.rank.device)]
        return (rank < count.to(rank.device).view(-1, 1, 1))[:, None]


def _tied(ordered: Tensor) -> Tensor:
    equal = ordered[:, 1:] == ordered[:, :-1]
    tied = torch.zeros_like(ordered, dtype=torch.bool)
    tied[:, 1:] |= equal
    tied[:, :-1] |= equal
    return tied.double().mean(1)
