"""What a recording kept of the layers it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from captum_deconvnet.errors import unknown_name
from captum_deconvnet.projection.layers import LayerName, layer_path
from captum_deconvnet.projection.tape import Value


@dataclass(frozen=True)
class Captured:
    """The output of one layer: its data, and its place on the tape."""

    activation: Tensor
    value: Value


class Activations(Mapping[LayerName, Tensor]):
    """The recorded layers' outputs, (N, C, H, W) each, by module path or by module."""

    def __init__(self, model: nn.Module, captured: Mapping[str, Captured]) -> None:
        """Look layers up in ``captured``."""
        self._model, self._captured = model, captured

    def __getitem__(self, layer: LayerName) -> Tensor:
        """The output of ``layer``, (N, C, H, W)."""
        return self.captured(layer).activation

    def __iter__(self) -> Iterator[LayerName]:
        """The paths of the recorded layers."""
        return iter(self._captured)

    def __len__(self) -> int:
        """How many layers were recorded."""
        return len(self._captured)

    def captured(self, layer: LayerName) -> Captured:
        """What is recorded of ``layer``.

        Raises:
            UnknownNameError: if it was not asked for when recording, with near names.
        """
        path = layer_path(self._model, layer)
        if path not in self._captured:
            hint = f"Record it: record(model, inputs, [{path!r}])."
            raise unknown_name("recorded layer", path, self._captured, hint)
        return self._captured[path]
