"""A layer as Captum's classes take it: a module, or here its path as well."""

from __future__ import annotations

from torch import nn

from captum_deconvnet.projection.layers import layer_path


def layer_module(model: nn.Module, layer: nn.Module | str) -> nn.Module:
    """The module that ``layer`` names.

    Raises:
        UnknownNameError: for a path that is not in the model, with near names.
    """
    return model.get_submodule(layer_path(model, layer)) if isinstance(layer, str) else layer
