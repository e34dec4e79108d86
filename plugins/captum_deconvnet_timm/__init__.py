"""timm's nets as ``timm/<architecture>``, every one that has a convolution, and rules for timm.

Vision transformers and mixers are among them: their patch embedding is a convolution.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from captum_deconvnet.registry import hookimpl

if TYPE_CHECKING:
    from captum_deconvnet.registry import LoadedModel
    from captum_deconvnet.registry.hookspecs import RegisterModels, RegisterRules


@hookimpl
def register_models(register: RegisterModels) -> None:
    """Offer ``timm/*``; timm is imported when its models are asked for."""
    register("timm", names, load, left_out=left_out, takes=takes)


@hookimpl
def register_rules(register: RegisterRules) -> None:
    """Give timm's own activations and norms their rules, by address."""
    from captum_deconvnet_timm.rows import ROWS

    for address, rule in ROWS.items():
        register(address, rule)


def names() -> Sequence[str]:
    """The architectures that are offered.

    Raises:
        ImportError: timm is not installed.
    """
    if importlib.util.find_spec("timm") is None:
        raise ImportError("timm is not installed: pip install timm")
    from captum_deconvnet_timm import architectures

    return architectures.names()


def left_out() -> Mapping[str, str]:
    """The architectures that are not, each with the reason."""
    from captum_deconvnet_timm import architectures

    return architectures.left_out()


def takes(name: str) -> bool:
    """Whether a name has a tag of timm's, or is a folder or a repository of the hub."""
    if importlib.util.find_spec("timm") is None:
        return False
    from captum_deconvnet_timm import architectures, pretrained

    architecture, _, tag = name.partition(".")
    tagged = architecture in architectures.names() and tag in pretrained.tags(architecture)
    return tagged or pretrained.is_repository(name)


def load(name: str, weights: str | None) -> LoadedModel:
    """Build one net with random or published weights."""
    from captum_deconvnet_timm.loading import load

    return load(name, weights)
