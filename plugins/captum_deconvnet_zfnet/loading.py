"""Loading a net of this plugin, for as many classes and channels as its weights have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import functional as transforms

from captum_deconvnet.errors import WeightsError, unknown_name
from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel
from captum_deconvnet_zfnet.architecture import ARCHITECTURES
from captum_deconvnet_zfnet.data.image_folder import kept_side
from captum_deconvnet_zfnet.network import STAGES, build, build_for

RANDOM = "random"


def load(name: str, weights: str | None) -> LoadedModel:
    """The net of an architecture, with random weights.

    Raises:
        WeightsError: trained weights are asked for, and there are none.
        UnknownNameError: the tag is unknown.
    """
    if weights in (None, "DEFAULT"):
        raise WeightsError(
            f"zfnet/{name} has no trained weights: give a file that `deconvnet train` wrote "
            "(weights='epoch-064.safetensors'), or weights='random'."
        )
    if weights != RANDOM:
        raise unknown_name("weights tag", weights, [RANDOM], "Known: random, or a file.")
    architecture = ARCHITECTURES[name]
    net = build(architecture, channels=1 if architecture.size < 224 else 3)
    return described(name, net, architecture.size)


def described(name: str, net: nn.Sequential, size: int) -> LoadedModel:
    """A net with all that is needed to show it a picture of ``size`` pixels a side."""
    channels = len(net.get_buffer("input.mean"))
    return LoadedModel(
        name=f"zfnet/{name}",
        model=net.eval(),
        transform=ImageTransform(partial(to_input, channels=channels, size=size)),
        inverse_transform=Denormalize((0.0,) * channels, (1.0,) * channels),
        input_size=(channels, size, size),
        stage_table=STAGES,
        resized=partial(resized, name),
    )


def resized(name: str, state_dict: Mapping[str, Tensor]) -> LoadedModel:
    """The net for as many classes and channels as the weights have."""
    architecture = ARCHITECTURES[name]
    net = build_for(architecture, state_dict)
    size = net.get_buffer("input.mean").shape[-1] if architecture.hidden else architecture.size
    return described(name, net, size)


def to_input(picture: Image.Image, channels: int, size: int) -> Tensor:
    """The middle of a picture, (channels, size, size), as colours in [0, 1].

    Grey nets see all of the shorter side, as in Fashion-MNIST; colour nets see 7/8 of it, as in the
    paper.
    """
    grey = channels == 1
    picture = picture.convert("L") if grey else picture
    picture = transforms.resize(picture, size if grey else kept_side(size), antialias=True)
    tensor: Tensor = transforms.pil_to_tensor(transforms.center_crop(picture, [size, size]))
    return tensor.to(torch.float32) / 255
