"""Loading one of timm's nets."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import timm
from timm.data.config import resolve_model_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn

from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel, find_stages
from captum_deconvnet.registry.loaded_model import StageFinder
from captum_deconvnet.registry.name_fitting import class_note, other_channels, other_classes
from captum_deconvnet.registry.picture_transform import InverseTransform, PictureTransform
from captum_deconvnet_timm.pretrained import (
    build,
    chosen,
    class_names,
    downloaded,
    is_repository,
    spelled,
)

TRANSLATIONS = ("checkpoint_filter_fn", "_filter_fn", "_filter_torchvision_pretrained")
"""What a module of timm calls its function, the first of these that it has."""


def load(name: str, tag: str | None) -> LoadedModel:
    """Build one net.

    Args:
        name: timm's name of the architecture, with or without a tag; or ``hf-hub:org/name``,
            ``local-dir:path`` or the path of a folder.
        tag: a tag of its weights, e.g. ``"a1_in1k"``; timm's default for ``None`` and
            ``"DEFAULT"``; or ``"random"``.

    Raises:
        UnknownNameError: there are no weights of that tag.
        WeightsError: they cannot be downloaded, or timm has none for this architecture.
    """
    if is_repository(name):
        return described(name, build(name, tag), None if tag == "random" else "DEFAULT")
    name, _, own = name.partition(".")
    tag = own if own and tag in (None, "DEFAULT") else tag
    tag = None if tag == "random" else chosen(name, tag or "DEFAULT")
    net = timm.create_model(name) if tag is None else downloaded(name, tag)
    return described(name, net, tag)


def described(name: str, net: nn.Module, tag: str | None) -> LoadedModel:
    """A net with all that is needed to show it a picture."""
    config: dict[str, Any] = resolve_model_data_config(net)  # type: ignore[no-untyped-call]
    size, mean, std = tuple(config["input_size"]), tuple(config["mean"]), tuple(config["std"])
    return LoadedModel(
        name=f"timm/{name}",
        model=net.eval(),
        transform=ImageTransform(create_transform(**config, is_training=False)),
        inverse_transform=Denormalize(mean, std),
        input_size=size,
        categories=categories(net),
        weights=tag,
        stage_table=stage_table(net),
        from_file=partial(from_file, net=net),
        resized=partial(resized, name),
    )


def resized(name: str, state_dict: Mapping[str, Tensor]) -> LoadedModel:
    """The net for as many classes and channels as a state dict has."""
    architecture = spelled(name) if is_repository(name) else name
    plain = timm.create_model(architecture)
    classes, channels = other_classes(plain, state_dict), other_channels(plain, state_dict)
    options: dict[str, Any] = {"num_classes": classes, "in_chans": channels}
    given = {key: value for key, value in options.items() if value is not None}
    loaded = described(name, timm.create_model(architecture, **given) if given else plain, None)
    if classes is not None:
        loaded = replace(loaded, categories=(), notes=(class_note(loaded.name, classes),))
    return loaded if channels is None else with_channels(loaded, channels)


def with_channels(loaded: LoadedModel, channels: int) -> LoadedModel:
    """The net's description for inputs of so many channels, standardised as colours are on average.

    timm repeats or averages the filters of published weights, and the numbers alike.
    """
    colours: Any = loaded.inverse_transform
    mean, std = (
        (sum(numbers) / len(numbers),) * channels for numbers in (colours.mean, colours.std)
    )
    size = (channels, *loaded.input_size[1:])
    return replace(
        loaded,
        transform=PictureTransform(size, mean, std),
        inverse_transform=InverseTransform(mean, std),
        input_size=size,
        notes=(*loaded.notes, f"{loaded.name} is built for the {channels} channels of the weights"),
    )


def categories(net: nn.Module) -> tuple[str, ...]:
    """The class names, if the net has as many logits as one of ImageNet's editions has classes."""
    subset = infer_imagenet_subset(net)
    own = class_names(net)
    if own:
        return own
    return tuple(ImageNetInfo(subset).label_descriptions()) if subset else ()


def stage_table(net: nn.Module) -> StageFinder:
    """Finds the modules of timm's ``feature_info``, if they return maps of falling size.

    A vision transformer's are blocks that return tokens, all at one reduction; Swin's return
    channels last; an HRNet's are no modules of the net.
    """
    info: Any = getattr(net, "feature_info", None)
    features = list(getattr(info, "info", info) or ())
    reductions = [feature["reduction"] for feature in features]
    paths = tuple(feature["module"] for feature in features)
    falling = all(before < after for before, after in itertools.pairwise(reductions))
    is_map = falling and getattr(net, "output_fmt", "NCHW") == "NCHW"
    return partial(find_stages, preferred=paths) if is_map else find_stages


def from_file(state_dict: Mapping[str, Tensor], net: nn.Module) -> Mapping[str, Tensor]:
    """A state dict as its authors published it, translated to timm's keys as timm does."""
    translate = translation(net)
    if translate is None or state_dict.keys() == net.state_dict().keys():
        return state_dict
    given = (dict(state_dict), net)[: len(inspect.signature(translate).parameters)]
    try:
        translated: dict[str, Tensor] = translate(*given)
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError, IndexError):
        return state_dict  # not a file that timm knows: the fit will say which keys are wrong
    return translated


def translation(net: nn.Module) -> Callable[..., Any] | None:
    """The function by which timm translates published state dicts for a net, if it has one."""
    module = sys.modules[type(net).__module__]
    found = (getattr(module, name, None) for name in TRANSLATIONS)
    return next((function for function in found if function), None)
