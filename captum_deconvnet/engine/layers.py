"""Layers by path or module: where they are in a model, and what a recording kept of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import LayerError, UnknownLayerError, unknown_layer
from captum_deconvnet.short_repr import named_repr

LayerName = str | nn.Module


def layer_path(model: nn.Module, layer: LayerName) -> str:
    """The module path of ``layer``, given as path or as module.

    Raises:
        UnknownLayerError: for what is not in the model; of a path with near names.
        LayerError: for what is neither a path nor a module, or is scripted.
    """
    if not isinstance(layer, str | nn.Module):
        raise LayerError(
            f"The layer is given as {type(layer).__name__}, {layer!s:.60}: give one module of "
            "the model, or its path."
        )
    modules = dict(model.named_modules(remove_duplicate=False))
    if not isinstance(layer, nn.Module) and layer not in modules:
        raise unknown_layer(
            "layer", str(layer), modules, "List them with `deconvnet layers MODEL`."
        )
    wanted = layer if isinstance(layer, nn.Module) else modules[layer]
    for path, module in modules.items():  # a module may have several paths: the first counts
        if module is wanted:
            check_hookable(path, modules)
            return str(path)
    raise UnknownLayerError(f"The layer {type(layer).__name__} is not a module of this model.")


def check_hookable(path: str, modules: Mapping[str, nn.Module]) -> None:
    """Raise for a layer that runs as TorchScript: nobody can see what it gives."""
    names = path.split(".")
    around = ["", *(".".join(names[: count + 1]) for count in range(len(names)))]
    if any(isinstance(modules[outer], torch.jit.ScriptModule) for outer in around):
        raise LayerError(
            f"The layer {path!r} is scripted or traced (torch.jit), which takes no hooks. Choose a "
            "layer outside the script, or give the model that the script was made from."
        )


def layer_paths(model: nn.Module, layers: LayerName | Sequence[LayerName]) -> tuple[str, ...]:
    """The module paths of one layer or several.

    Raises:
        UnknownLayerError: for what is not in the model; of a path with near names.
        LayerError: for what is neither a path nor a module, or is scripted.
    """
    if not isinstance(layers, str | nn.Module | Sequence):
        raise LayerError(f"Layers are module paths or modules, one or several; given {layers!r}.")
    several = [layers] if isinstance(layers, str | nn.Module) else list(layers)
    return tuple(layer_path(model, layer) for layer in several)


def check_ran(layers: Iterable[str], ran: Container[str]) -> None:
    """Raise for a layer that did not run in a forward pass."""
    for path in layers:
        if path not in ran:
            raise LayerError(f"The layer {path!r} did not run in this forward pass.")


def check_rows(path: str, output: Tensor, count: int) -> None:
    """Raise for a layer whose rows are not the images: windows, tokens, one unbatched image."""
    if output.dim() < 2 or output.shape[0] != count:
        raise LayerError(
            f"The layer {path!r} gives {tuple(output.shape)} for {count} images: its units belong "
            "to no single image. Choose a layer that gives (N, C, ...), and give images as a batch "
            "(N, C, H, W)."
        )


@dataclass(frozen=True)
class RecordedLayer:
    """The output of one layer: its data, and its place on the tape."""

    activation: Tensor
    value: Value


class Activations(Mapping[LayerName, Tensor]):
    """The recorded layers' outputs, (N, C, H, W) each, by module path or by module."""

    def __init__(self, model: nn.Module, recorded: Mapping[str, RecordedLayer]) -> None:
        """Look layers up in ``recorded``."""
        self._model, self._recorded = model, recorded

    def __getitem__(self, layer: LayerName) -> Tensor:
        """The output of ``layer``, (N, C, H, W)."""
        return self.recorded(layer).activation

    def __repr__(self) -> str:
        """The recorded layers, with the shapes of what they gave."""
        return named_repr(self, {path: got.activation for path, got in self._recorded.items()})

    def __iter__(self) -> Iterator[LayerName]:
        """The paths of the recorded layers."""
        return iter(self._recorded)

    def __len__(self) -> int:
        """How many layers were recorded."""
        return len(self._recorded)

    def recorded(self, layer: LayerName) -> RecordedLayer:
        """What is recorded of ``layer``.

        Raises:
            UnknownLayerError: if it was not asked for when recording, or is not in the model.
            LayerError: for what is neither a path nor a module, or is scripted.
        """
        path = layer_path(self._model, layer)
        if path not in self._recorded:
            hint = f"Record it: record(model, inputs, [{path!r}])."
            raise unknown_layer("recorded layer", path, self._recorded, hint)
        return self._recorded[path]
