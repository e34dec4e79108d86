"""Loading one of timm's nets."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import timm
from timm.data.config import resolve_model_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn

from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel, find_stages
from captum_deconvnet.registry.loaded_model import StageFinder
from captum_deconvnet_timm.pretrained import chosen, downloaded

TRANSLATIONS = ("checkpoint_filter_fn", "_filter_fn", "_filter_torchvision_pretrained")
"""What a module of timm calls its function, the first of these that it has."""


def load(name: str, tag: str | None) -> LoadedModel:
    """Build one net.

    Args:
        name: timm's name of the architecture, without a tag.
        tag: a tag of its weights, e.g. ``"a1_in1k"``, or ``"DEFAULT"``; random weights for
            ``None`` and ``"random"``.

    Raises:
        UnknownNameError: there are no weights of that tag.
        WeightsError: they cannot be downloaded, or timm has none for this architecture.
    """
    tag = None if tag in (None, "random") else chosen(name, str(tag))
    net = timm.create_model(name) if tag is None else downloaded(name, tag)
    config: dict[str, Any] = resolve_model_data_config(net)  # type: ignore[no-untyped-call]
    return LoadedModel(
        name=f"timm/{name}",
        model=net.eval(),
        transform=ImageTransform(create_transform(**config, is_training=False)),
        inverse_transform=Denormalize(tuple(config["mean"]), tuple(config["std"])),
        input_size=tuple(config["input_size"]),
        categories=categories(net),
        weights=tag,
        stage_table=stage_table(net),
        from_file=partial(from_file, net=net),
    )


def categories(net: nn.Module) -> tuple[str, ...]:
    """The class names, if the net has as many logits as one of ImageNet's editions has classes."""
    subset = infer_imagenet_subset(net)
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
