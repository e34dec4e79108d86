"""Loading one net of transformers."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import transformers
from huggingface_hub.constants import ENDPOINT
from torch import Tensor, nn

from captum_deconvnet.errors import WeightsError, unknown_name
from captum_deconvnet.registry import LoadedModel, not_downloaded, require_download
from captum_deconvnet.registry.loaded_model import StateDict
from captum_deconvnet.registry.name_fitting import class_note, other_classes
from captum_deconvnet_transformers.kinds import SUFFIX
from captum_deconvnet_transformers.processing import pictures

TAGS = ("DEFAULT", "random")
SHOWN = 3


def load(name: str, tag: str | None) -> LoadedModel:
    """Build one net.

    Args:
        name: a kind of net, a folder, or a repository of the hub.
        tag: ``"random"``; the weights of a folder or repository for ``None`` and ``"DEFAULT"``.

    Raises:
        UnknownNameError: another tag is asked for.
        WeightsError: the weights cannot be downloaded or read, or some are missing.
    """
    if tag not in (None, *TAGS):
        raise unknown_name("weights tag", str(tag), TAGS, f"Known: {', '.join(TAGS)}, or a file.")
    if "/" not in name and not Path(name).is_dir():
        return _of_a_kind(name, tag)
    config = _read(name, transformers.AutoConfig.from_pretrained)
    if tag == "random":
        return described(name, build(config), config, None)
    kind = _class_of(config)
    if is_backbone(config):  # the automatic class reads backbones by the names of timm
        kind = getattr(transformers, config.architectures[0], kind)
    net, info = _read(name, partial(kind.from_pretrained, output_loading_info=True))
    missing = sorted(info["missing_keys"])
    if missing:
        first = ", ".join(missing[:SHOWN])
        raise WeightsError(
            f"The weights of {name} lack {len(missing)} tensors of {type(net).__name__}: {first}"
            f"{', ...' if len(missing) > SHOWN else ''}."
        )
    return described(name, net, config, "DEFAULT")


def _of_a_kind(name: str, tag: str | None) -> LoadedModel:
    """A net of a kind's default configuration, with random weights."""
    if tag != "random":
        raise WeightsError(
            f"transformers/{name} is a configuration without weights: name a repository or a "
            "folder, such as transformers/microsoft/resnet-50, or use weights='random'."
        )
    config = transformers.AutoConfig.for_model(name.removesuffix(SUFFIX))
    config.architectures = ["Backbone"] if name.endswith(SUFFIX) else []
    return described(name, build(config), config, None)


def described(name: str, net: nn.Module, config: Any, weights: str | None) -> LoadedModel:
    """A net with all that is needed to show it a picture.

    The net gives the logits themselves, or a backbone its last map, in place of an object with
    them inside.
    """
    net.register_forward_hook(only_tensor)
    transform, inverse, size = pictures(name, config)
    return LoadedModel(
        name=f"transformers/{name}",
        model=net.eval(),
        transform=transform,
        inverse_transform=inverse,
        input_size=size,
        categories=() if is_backbone(config) else categories(config),
        weights=weights,
        resized=partial(resized, name, config),
    )


def build(config: Any) -> nn.Module:
    """The net of a configuration, with random weights."""
    net: nn.Module = _class_of(config).from_config(config)
    return net


def resized(name: str, config: Any, state_dict: StateDict) -> LoadedModel:
    """The net for as many classes as a state dict has."""
    plain = build(config)
    classes = None if is_backbone(config) else other_classes(plain, state_dict)
    if classes is None:
        return described(name, plain, config, None)
    config = copy.deepcopy(config)
    config.num_labels = classes
    loaded = described(name, build(config), config, None)
    return replace(loaded, categories=(), notes=(class_note(loaded.name, classes),))


def is_backbone(config: Any) -> bool:
    """Whether a configuration was saved with a backbone."""
    return any(name.endswith("Backbone") for name in config.architectures or ())


def categories(config: Any) -> tuple[str, ...]:
    """The names of the classes, unless they are ``LABEL_0`` and so on, which say nothing."""
    names = [str(config.id2label[number]) for number in sorted(config.id2label)]
    plain = [f"LABEL_{number}" for number in range(len(names))]
    return () if names == plain else tuple(names)


def only_tensor(net: nn.Module, arguments: object, output: Any) -> Tensor:
    """A forward hook: the logits, or the last map of a backbone."""
    if isinstance(output, Tensor):
        return output
    found: Tensor = output.logits if "logits" in output else output.feature_maps[-1]
    return found


def _class_of(config: Any) -> Any:
    if is_backbone(config):
        return transformers.AutoBackbone
    return transformers.AutoModelForImageClassification


def _read(name: str, read: Any) -> Any:
    """What transformers reads from a folder or repository; its failure in one line."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        name = str(folder)
    elif huggingface_hub.try_to_load_from_cache(name, "config.json") is None:
        require_download(f"transformers/{name}", f"{ENDPOINT}/{name}", ENDPOINT)
    try:
        return read(name)
    except Exception as error:
        if not folder.is_dir():
            raise not_downloaded(f"transformers/{name}", f"{ENDPOINT}/{name}", error) from error
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise WeightsError(f"transformers cannot load the folder {name}: {reason}.") from error
