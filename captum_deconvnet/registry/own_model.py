"""A model of the user's own: what a function of theirs makes."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from captum_deconvnet.errors import ModelError, UnknownNameError
from captum_deconvnet.registry.importing import ImportPath, guarded
from captum_deconvnet.registry.loaded_model import LoadedModel

AS_BUILT = "as built"
"""The weights that the user's own function gave the net; it may have loaded trained ones."""


def own_model(path: ImportPath) -> nn.Module | LoadedModel:
    """The net that an import path leads to, in eval mode.

    Args:
        path: of a function without arguments that returns a net or a :class:`LoadedModel`, of a
            net's class, or of a net.

    Raises:
        ModelError: it cannot be imported or called, or is none of these.
        UnknownNameError: the module has nothing of that name.
    """
    try:
        found = path.object()
    except UnknownNameError as error:
        raise UnknownNameError(f"{error} It should make the net, without arguments.") from error
    if not isinstance(found, nn.Module | LoadedModel):
        found = _called(path, found)
    if not isinstance(found, nn.Module | LoadedModel):
        raise ModelError(
            f"{path} gives a {type(found).__name__}; an nn.Module or a LoadedModel was expected."
        )
    (found.model if isinstance(found, LoadedModel) else found).eval()
    return found


def _called(path: ImportPath, function: Any) -> Any:
    """What the function returns."""
    if not callable(function):
        raise ModelError(
            f"{path} is a {type(function).__name__}; a function that makes the net was expected."
        )
    needed = _required(function)
    if needed:
        raise ModelError(
            f"{path} needs arguments ({', '.join(needed)}); write a function without arguments "
            f"that calls it, such as: def build(): return {path.name}(...)."
        )
    return guarded(function, f"build {path}")


def _required(function: Any) -> list[str]:
    """The parameters without a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        each.name for each in parameters if each.default is each.empty and each.kind not in optional
    ]
