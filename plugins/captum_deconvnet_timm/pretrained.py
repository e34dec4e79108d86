"""timm's published weights: their tags, and how they get here.

Nets in folders and in repositories of the Hugging Face hub are taken by timm's own spelling.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import huggingface_hub
import timm
import torch
from huggingface_hub.constants import ENDPOINT
from timm.models import PretrainedCfg, get_arch_pretrained_cfgs
from torch import nn

from captum_deconvnet.errors import WeightsError, unknown_name
from captum_deconvnet.registry import not_downloaded, require_download

HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def tags(name: str) -> dict[str, PretrainedCfg]:
    """The tags of an architecture that have weights, timm's default first."""
    published = get_arch_pretrained_cfgs(name).items()
    return {full.partition(".")[2]: cfg for full, cfg in published if cfg.has_weights}


def chosen(name: str, tag: str) -> str:
    """The tag itself, or that of timm's default weights for ``"DEFAULT"``.

    Raises:
        UnknownNameError: there are no weights of that tag.
        WeightsError: timm publishes none for this architecture.
    """
    known = tags(name)
    if not known:
        raise WeightsError(
            f"timm publishes no weights for {name}; use weights='random' or a file of your own."
        )
    if tag == "DEFAULT":
        return next(iter(known))
    if tag not in known:
        hint = f"timm/{name} has: {', '.join([*known, 'DEFAULT', 'random'])}."
        raise unknown_name("weights tag", tag, known, hint)
    return tag


def downloaded(name: str, tag: str) -> nn.Module:
    """The net with published weights, downloaded unless they are already here.

    A file that is here is given to timm as it is: offline, the hub's own look at its cache takes
    the better part of a minute.

    Raises:
        WeightsError: they cannot be downloaded.
    """
    cfg = tags(name)[tag]
    source = f"https://huggingface.co/{cfg.hf_hub_id}" if cfg.hf_hub_id else str(cfg.url)
    here = kept(cfg)
    if here is None:
        require_download(f"timm/{name}", source, ENDPOINT if cfg.hf_hub_id else source)
    overlay = {} if here is None else {"file": str(here)}
    try:
        net: nn.Module = timm.create_model(
            f"{name}.{tag}", pretrained=True, pretrained_cfg_overlay=overlay
        )
    except (OSError, RuntimeError) as error:
        raise not_downloaded(f"timm/{name}", source, error) from error
    return net


def kept(cfg: PretrainedCfg) -> Path | None:
    """The file that an earlier download left, if there is one."""
    if not cfg.hf_hub_id:
        file = Path(urlparse(str(cfg.url)).path).name
        path = Path(torch.hub.get_dir(), "checkpoints", file)
        return path if path.exists() else None
    repository, _, revision = cfg.hf_hub_id.partition("@")
    for file in [cfg.hf_hub_filename] if cfg.hf_hub_filename else HUB_FILES:
        found = huggingface_hub.try_to_load_from_cache(repository, file, revision=revision or None)
        if isinstance(found, str):
            return Path(found)
    return None


HUB, FOLDER = "hf-hub:", "local-dir:"
PREFIXES = (HUB, "hf_hub:", FOLDER)
TAGS = ("DEFAULT", "random")


def is_repository(name: str) -> bool:
    """Whether a name is ``hf-hub:org/name``, ``local-dir:path``, or a folder that timm wrote."""
    return name.startswith(PREFIXES) or (Path(name) / "config.json").is_file()


def spelled(name: str) -> str:
    """The name as timm spells it: a folder as ``local-dir:path``."""
    return name if name.startswith(PREFIXES) else FOLDER + name


def build(name: str, tag: str | None) -> nn.Module:
    """The net of a folder or repository, with its weights unless ``tag`` is ``"random"``.

    Raises:
        UnknownNameError: another tag is asked for.
        WeightsError: it cannot be downloaded or read.
    """
    if tag not in (None, *TAGS):
        raise unknown_name("weights tag", str(tag), TAGS, f"Known: {', '.join(TAGS)}, or a file.")
    scheme, _, place = spelled(name).partition(":")
    source = place
    if scheme != FOLDER.rstrip(":"):
        source = f"{ENDPOINT}/{place}"
        if not huggingface_hub.try_to_load_from_cache(place.partition("@")[0], "config.json"):
            require_download(f"timm/{name}", source, ENDPOINT)
    try:
        net: nn.Module = timm.create_model(spelled(name), pretrained=tag != "random")
    except Exception as error:
        if source != place:
            raise not_downloaded(f"timm/{name}", source, error) from error
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise WeightsError(
            f"timm cannot load the folder {place}: {reason}. It should be one that "
            "timm.models.save_for_hf wrote."
        ) from error
    return net


def class_names(net: nn.Module) -> tuple[str, ...]:
    """The names of the classes that come with the repository, if any do."""
    config = getattr(net, "pretrained_cfg", None) or {}
    names = config.get("label_names") or ()
    return tuple(map(str, names)) if len(names) == config.get("num_classes") else ()
