"""A loaded model: a net with its weights and all that is needed to show it a picture.

A plugin makes it, or a function of the user's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import ModelError, UnknownNameError
from captum_deconvnet.registry.importing import ImportPath, guarded
from captum_deconvnet.registry.stages import find_stages
from captum_deconvnet.short_repr import named_repr

if TYPE_CHECKING:
    from PIL import Image

StateDict = Mapping[str, Tensor]
StageFinder = Callable[[nn.Module, Tensor], tuple[str, ...]]


def unchanged(state_dict: StateDict) -> StateDict:
    """The state dict as it is."""
    return state_dict


@dataclass(frozen=True)
class LoadedModel:
    """A net, ready to be shown pictures.

    Args:
        name: full name, ``prefix/name``.
        model: the net, in eval mode.
        transform: turns a Pillow image or an unsigned 8-bit tensor (3, H, W) into the net's input
            for it.
        inverse_transform: turns inputs (C, H, W) or (N, C, H, W) back into colours in [0, 1].
        input_size: shape of the input for a square picture, (C, H, W), or (C, T, H, W) for clips.
        categories: what each logit stands for; empty if the net has no classes.
        weights: tag or path of the weights; ``None`` for random ones.
        stage_table: the layers, or how to find them in the model with an example input.
        from_file: turns a published state dict of this net into one that fits ``model``.
        resized: builds the same net for as many classes and channels as a state dict has; ``None``
            if they are fixed.
        samples: pictures that come with the model, by name.
        notes: what was decided in loading it that nobody asked for, a line each.
    """

    name: str
    model: nn.Module
    transform: Callable[[Any], Tensor]
    inverse_transform: Callable[[Tensor], Tensor]
    input_size: tuple[int, ...]
    categories: tuple[str, ...] = ()
    weights: str | Path | None = None
    stage_table: tuple[str, ...] | StageFinder = find_stages
    from_file: Callable[[StateDict], StateDict] = unchanged
    resized: Callable[[StateDict], LoadedModel] | None = None
    samples: Callable[[], Mapping[str, Image.Image]] = dict
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Its name, its class, its weights, its input and how many classes it has."""
        classes, shape = len(self.categories), self.input_size
        return named_repr(
            self, self.name, self.model, weights=self.weights, input_size=shape, classes=classes
        )

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """Module paths of the layers that the paper calls layer 1 to n, from the input up.

        Those of the plugin's table, if it has one; else found by one forward pass, at the first
        use (see ``find_stages``).
        """
        if callable(self.stage_table):
            return self.stage_table(self.model, self.example_input())
        return self.stage_table

    def example_input(self) -> Tensor:
        """A black input (1, C, H, W) or (1, C, T, H, W), in the model's type and on its device."""
        like = next(self.model.parameters(), torch.empty(0))
        return torch.zeros(1, *self.input_size, dtype=like.dtype, device=like.device)


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
