"""Loading one of torchvision's nets, with the preprocessing that is published with its weights."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum
from torchvision.transforms._presets import SemanticSegmentation
from torchvision.transforms.functional import to_tensor

from captum_deconvnet.errors import unknown_name
from captum_deconvnet.registry import (
    ClipTransform,
    Denormalize,
    ImageTransform,
    LoadedModel,
    not_downloaded,
    require_download,
)
from captum_deconvnet.registry.loaded_model import StateDict
from captum_deconvnet.registry.name_fitting import class_note, other_classes
from captum_deconvnet_torchvision.builders import build, family
from captum_deconvnet_torchvision.stages import part_of, stage_table

SQUARE = (512, 512)


def load(name: str, tag: str | None) -> LoadedModel:
    """Build one net.

    Args:
        name: the builder's name.
        tag: a member of the builder's weights, e.g. ``"IMAGENET1K_V1"``; the default ones for
            ``None`` and ``"DEFAULT"``; or ``"random"``.

    Raises:
        UnknownNameError: the builder has no such weights.
        WeightsError: they cannot be downloaded.
    """
    known = models.get_model_weights(name)
    weights = None if tag == "random" else chosen(name, tag or "DEFAULT", known)
    published = weights or known["DEFAULT"]
    net = build(name, None) if weights is None else downloaded(name, weights)
    return described(name, net, published, weights)


def described(
    name: str, net: nn.Module, published: WeightsEnum, weights: WeightsEnum | None
) -> LoadedModel:
    """A net with all that is needed to show it a picture.

    Args:
        name: the builder's name.
        net: what it built.
        published: the weights whose preprocessing and categories are the net's.
        weights: those that it has.
    """
    transform, inverse = transforms(family(name), net, published)
    part = part_of(family(name))
    return LoadedModel(
        name=f"torchvision/{name}",
        model=part.of(net).eval(),
        transform=transform,
        inverse_transform=inverse,
        input_size=tuple(transform(Image.new("RGB", SQUARE)).shape),
        categories=tuple(published.meta.get("categories", ())),
        weights=weights and weights.name,
        stage_table=stage_table(name, family(name)),
        from_file=part.from_file,
        resized=partial(resized, name),
    )


def resized(name: str, state_dict: StateDict) -> LoadedModel:
    """The net for as many classes as a state dict has, where its builder lets them be chosen."""
    published = models.get_model_weights(name)["DEFAULT"]
    whole = described(name, build(name, None), published, None)
    classes = other_classes(whole.model, state_dict)
    if classes is None:
        return whole
    try:
        net = build(name, None, classes)
    except TypeError:  # an optical flow net has no classes: the fit says what is wrong
        return whole
    loaded = described(name, net, published, None)
    return replace(loaded, categories=(), notes=(class_note(loaded.name, classes),))


def chosen(name: str, tag: str, known: type[WeightsEnum]) -> WeightsEnum:
    """The builder's weights called ``tag``.

    Raises:
        UnknownNameError: there are none of that name.
    """
    if tag not in known.__members__:
        hint = f"torchvision/{name} has: {', '.join([*known.__members__, 'random'])}."
        raise unknown_name("weights tag", tag, known.__members__, hint)
    return known[tag]


def downloaded(name: str, weights: WeightsEnum) -> nn.Module:
    """The net with published weights, downloaded unless they are already here.

    Raises:
        WeightsError: they cannot be downloaded.
    """
    kept = Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(weights.url).path).name)
    if not kept.exists():
        require_download(f"torchvision/{name}", weights.url, weights.url)
    try:
        return build(name, weights)
    except (OSError, http.client.HTTPException, RuntimeError) as error:
        raise not_downloaded(f"torchvision/{name}", weights.url, error) from error


CLIP_FRAMES = 16
"""Frames that the video nets were trained on, at least."""

OPTICAL_FLOW = SemanticSegmentation(resize_size=520, mean=(0.5,) * 3, std=(0.5,) * 3)
"""Colours from -1 to 1 as RAFT has them, at the height of torchvision's own RAFT example."""


@dataclass(frozen=True)
class DetectorSteps:
    """The resizing, normalising and padding that a detector does itself.

    Args:
        transform: the detector's ``GeneralizedRCNNTransform``, in eval mode.
    """

    transform: nn.Module

    def __call__(self, image: Image.Image) -> Tensor:
        """The input (3, H, W) of the detector's backbone; H and W are multiples of 32."""
        images, _ = self.transform([to_tensor(image)])
        batch: Tensor = images.tensors
        return batch[0]


def transforms(
    family: str, net: nn.Module, weights: WeightsEnum
) -> tuple[Callable[[Any], Tensor], Denormalize]:
    """The transform of a net and its inverse.

    Args:
        family: the package of torchvision.models the net is in; empty for classification.
        net: the whole net.
        weights: those whose published preprocessing is wanted.
    """
    if family == "detection":
        own: Any = net.transform
        inverse = Denormalize(tuple(own.image_mean), tuple(own.image_std))
        return ImageTransform(DetectorSteps(own.eval())), inverse
    steps = OPTICAL_FLOW if family == "optical_flow" else weights.transforms()
    if family == "video":
        inverse = Denormalize(tuple(steps.mean), tuple(steps.std), channel_dim=-4)
        return ClipTransform(steps, CLIP_FRAMES), inverse
    return ImageTransform(steps), Denormalize(tuple(steps.mean), tuple(steps.std))
