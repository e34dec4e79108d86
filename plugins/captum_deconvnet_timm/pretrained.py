"""timm's published weights: their tags, and how they get here."""

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
