"""Layers by name: where a model's modules are, which ran, and what they gave."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from captum_deconvnet.errors import LayerError, unknown_name

LayerName = str | nn.Module


def layer_path(model: nn.Module, layer: LayerName) -> str:
    """The module path of ``layer``, given as path or as module.

    Raises:
        UnknownNameError: for a path or module that is not in the model, with near names.
    """
    if isinstance(layer, nn.Module):
        for path, module in model.named_modules():
            if module is layer:
                return str(path)
        raise LayerError(f"The layer {type(layer).__name__} is not a module of this model.")
    paths = [path for path, _ in model.named_modules(remove_duplicate=False)]
    if layer not in paths:
        raise unknown_name("layer", str(layer), paths, "List them with `deconvnet layers MODEL`.")
    return layer_path(model, model.get_submodule(layer))  # a module may have several paths


def layer_paths(model: nn.Module, layers: LayerName | Sequence[LayerName]) -> tuple[str, ...]:
    """The module paths of one layer or several."""
    if not isinstance(layers, str | nn.Module | Sequence):
        raise LayerError(f"Layers are module paths or modules, one or several; given {layers!r}.")
    several = [layers] if isinstance(layers, str | nn.Module) else list(layers)
    return tuple(layer_path(model, layer) for layer in several)
