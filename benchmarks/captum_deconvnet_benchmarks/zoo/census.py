"""Which models the sweep visits, and what is known of one before it is built."""

from __future__ import annotations

from dataclasses import dataclass

import timm
import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torchvision import models as torchvision_models

import captum_deconvnet as cdn

LIBRARIES = ("timm", "torchvision")

FEWEST_CONVOLUTIONS = 10
"""A timm net with fewer is a transformer with a patch embedding, not a conv net."""


@dataclass(frozen=True)
class Size:
    """What a model is made of.

    Args:
        family: the module of its library that it is defined in.
        parameters: how many numbers it learns.
        has_few_convolutions: whether the sweep leaves it out.
    """

    family: str
    parameters: int
    has_few_convolutions: bool = False


def names(pattern: str = "*") -> list[str]:
    """The full names of the models of both libraries that fit ``pattern``."""
    return [name for name in cdn.list_models(pattern) if name.partition("/")[0] in LIBRARIES]


def size_of(name: str) -> Size:
    """What is known of a model without building it in earnest."""
    library, _, short = name.partition("/")
    if library == "torchvision":
        published = torchvision_models.get_model_weights(short)["DEFAULT"].meta["num_params"]
        return Size(torchvision_family(short), published)
    with torch.device("meta"):  # no memory for weights
        net = timm.create_model(short)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return Size(timm_family(short), parameters, convolutions(net) < FEWEST_CONVOLUTIONS)


def convolutions(net: nn.Module) -> int:
    """How many modules are convolutions."""
    return sum(isinstance(module, _ConvNd) for module in net.modules())


def timm_family(short: str) -> str:
    """The module of ``timm.models`` that defines an architecture."""
    return str(timm.models.model_entrypoint(short).__module__).rpartition(".")[2]


def torchvision_family(short: str) -> str:
    """The module of ``torchvision.models`` that defines a builder, e.g. ``video.resnet``."""
    module = torchvision_models.get_model_builder(short).__module__
    return str(module).removeprefix("torchvision.models.")
