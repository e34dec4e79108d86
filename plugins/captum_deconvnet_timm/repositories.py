"""timm's nets in folders and in repositories of the Hugging Face hub, by timm's own spelling."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import timm
from huggingface_hub.constants import ENDPOINT
from torch import nn

from captum_deconvnet.errors import WeightsError, unknown_name
from captum_deconvnet.registry import not_downloaded, require_download

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
