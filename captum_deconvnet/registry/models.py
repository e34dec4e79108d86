"""Models by name: list what the plugins offer, and load one."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from captum_deconvnet.errors import CaptumDeconvnetError, ModelError, unknown_name
from captum_deconvnet.registry.convolutions import has_convolution
from captum_deconvnet.registry.loaded_model import LoadedModel
from captum_deconvnet.registry.model_source import ModelSource
from captum_deconvnet.registry.registry import Registry, process_registry
from captum_deconvnet.registry.weights_file import fit, is_path, read_state_dict, require_finite

RANDOM = "random"


def list_models(pattern: str = "*", *, registry: Registry | None = None) -> list[str]:
    """The full names of all models that the plugins offer, sorted.

    Args:
        pattern: shell wildcards, e.g. ``"torchvision/resnet*"``.
        registry: where to look; by default the plugins of this process.
    """
    registry = registry or process_registry()
    names = {
        f"{prefix}/{name}"
        for prefix, source in registry.sources.items()
        for name in registry.names(source)
    }
    return sorted(fnmatch.filter(names, pattern))


def load_model(
    name: str, weights: str | Path | None = None, *, registry: Registry | None = None
) -> LoadedModel:
    """Build a model and give it weights.

    Args:
        name: full name, e.g. ``"torchvision/vgg16"``; see ``list_models``.
        weights: a tag of the plugin (``"DEFAULT"``, ``"IMAGENET1K_V1"``, a timm tag),
            ``"random"``, the path of a state dict (``.pt``, ``.pth``, ``.safetensors``), or
            ``None`` for what the library gives when asked for none: random weights for torchvision
            and timm, the packaged ones for ``offline/*``.
        registry: where to look; by default the plugins of this process.

    Returns:
        The model in eval mode, with its transforms, categories and layers.

    Raises:
        UnknownNameError: no plugin offers that name, or the plugin does not know that tag.
        ModelError: the model is left out, has no convolution, or cannot be built.
        WeightsError: the weights cannot be downloaded, read or fitted.
        NonFiniteError: the weights have a NaN or an infinity.

    Example:
        >>> loaded = load_model("torchvision/alexnet")
        >>> loaded.stages
        ('features.2', 'features.5', 'features.7', 'features.9', 'features.12')
    """
    registry = registry or process_registry()
    source = _source(name, registry)
    path = Path(weights).expanduser() if weights and is_path(weights) else None
    state_dict = read_state_dict(path) if path else {}
    loaded = _build(source, name, RANDOM if path else weights)
    if path:
        translated = loaded.from_file(state_dict)
        loaded = _resized(loaded, translated)
        fit(loaded.model, translated, path)
        loaded = dataclasses.replace(loaded, weights=path)
    require_finite(loaded.model.state_dict(), f"The model {name}")
    if not has_convolution(loaded.model, loaded.example_input):
        raise ModelError(f"{name} has no convolution, so there is nothing to deconvolve.")
    return loaded


def _source(name: str, registry: Registry) -> ModelSource:
    """The source that offers ``name``."""
    prefix, _, short = name.partition("/")
    source = registry.sources.get(prefix)
    if source is not None:
        if short in registry.names(source):
            return source
        reason = source.left_out().get(short)
        if reason:
            raise ModelError(f"{name} is not offered: {reason}.")
    plugins = [info.name for info in registry.plugins if not info.error]
    broken = [f"{info.name} ({info.error})" for info in registry.plugins if info.error]
    hint = f"Loaded plugins: {', '.join(plugins) or 'none'}."
    known, _, tag = short.partition(".")
    if source is not None and tag and known in registry.names(source):
        hint = f"A tag goes apart: load_model('{prefix}/{known}', weights='{tag}')."
    elif broken:
        hint += f" Not in use: {'; '.join(broken)}."
    raise unknown_name("model", name, list_models(registry=registry), hint)


def _resized(loaded: LoadedModel, state_dict: Mapping[str, Tensor]) -> LoadedModel:
    """The model in the sizes of the weights, if its plugin can build it so."""
    if loaded.resized is None:
        return loaded
    resized = loaded.resized(state_dict)
    resized.model.eval()
    return dataclasses.replace(resized, name=loaded.name)


def _build(source: ModelSource, name: str, weights: str | Path | None) -> LoadedModel:
    """Let the plugin build the model; whatever it raises becomes one clear line."""
    tag = None if weights is None else str(weights)
    try:
        loaded = source.load(name.partition("/")[2], tag)
    except CaptumDeconvnetError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"Plugin {source.plugin!r} could not build {name}: {reason}") from error
    if not isinstance(loaded, LoadedModel):
        raise ModelError(
            f"Plugin {source.plugin!r} built a {type(loaded).__name__} for {name}, "
            "not a LoadedModel."
        )
    loaded.model.eval()
    return dataclasses.replace(loaded, name=name)
