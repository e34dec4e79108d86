"""A layer as Captum's classes take it: a module, or here its path as well."""

from __future__ import annotations

from torch import nn

from captum_deconvnet.projection.layers import layer_path


def layer_module(model: nn.Module, layer: nn.Module | str) -> nn.Module:
    """The module that ``layer`` names.

    Raises:
        UnknownNameError: for a path that is not in the model, with near names.
        LayerError: for what is no module of the model, or is scripted.
    """
    found: nn.Module = dict(model.named_modules())[layer_path(model, layer)]
    return found
