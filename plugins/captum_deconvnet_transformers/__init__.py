"""Image classifiers and backbones of ``transformers`` as ``transformers/<name>``.

A name is a repository of the Hugging Face hub (``microsoft/resnet-50``), a folder that
``save_pretrained`` wrote, or a kind of net (``resnet``), which then has its default configuration
and random weights.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captum_deconvnet.registry import hookimpl
from captum_deconvnet_transformers.kinds import BACKBONES, CLASSIFIERS, SUFFIX

if TYPE_CHECKING:
    from captum_deconvnet.registry import LoadedModel
    from captum_deconvnet.registry.hookspecs import RegisterModels


@hookimpl
def register_models(register: RegisterModels) -> None:
    """Offer ``transformers/*``; transformers is imported when a model is asked for."""
    register("transformers", names, load, takes=takes)


def names() -> Sequence[str]:
    """The kinds of nets that are offered.

    Raises:
        ImportError: transformers is not installed.
    """
    if importlib.util.find_spec("transformers") is None:
        raise ImportError(
            "transformers is not installed: pip install 'captum-deconvnet[transformers]'"
        )
    return [*CLASSIFIERS, *(kind + SUFFIX for kind in BACKBONES)]


def takes(name: str) -> bool:
    """Whether a name can be a folder or a repository of the hub."""
    if importlib.util.find_spec("transformers") is None:
        return False
    return "/" in name or (Path(name) / "config.json").is_file()


def load(name: str, weights: str | None) -> LoadedModel:
    """Build one net with random weights, or those of its folder or repository."""
    from captum_deconvnet_transformers.loading import load

    return load(name, weights)
