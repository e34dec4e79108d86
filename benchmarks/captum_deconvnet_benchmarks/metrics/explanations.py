"""The maps that a metric scores: checked, and made one image at a time.

The net behind whatever a benchmark is constructed with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from captum_deconvnet import LoadedModel
from captum_deconvnet.errors import ModelError, NonFiniteError, unknown_name
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.subject import Subject

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
