"""A model's outputs and one layer's activations under windows of the image."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from captum_deconvnet.attr.occluded_model import TOGETHER
from captum_deconvnet.attr.selected_call import finite
from captum_deconvnet.errors import LayerError, ModelError, UnsupportedOperationError
from captum_deconvnet.incremental.engine import Incremental, Model
from captum_deconvnet.incremental.occluder import Occluder
from captum_deconvnet.incremental.train_mode import train_mode_refused
from captum_deconvnet.incremental.windows import Grid, Window


class OccludedLayer:
    """Gives outputs (N, K) and activations (N, C, h, w) under windows, incrementally if it can.

    Args:
        model: the model.
        layer: the path of a module, or ``None`` for outputs alone.
        occluder: covers windows of the images.
        grid: where the windows are.
        memory_budget: bytes that the windows going through together may take.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: str | None,
        occluder: Occluder,
        grid: Grid,
        *,
        memory_budget: int,
    ) -> None:
        """Run the model on the clean images."""
        self.model, self.layer, self.occluder, self.grid = model, layer, occluder, grid
        self.engine = self._engine()
        self.together = TOGETHER
        if self.engine is not None:
            self.together = self.engine.memory.windows(memory_budget)
        with train_mode_refused(dict(model.named_modules())):
            self.output, self.activation = self._whole(occluder.inputs[0])
        if self.output.dim() != 2:
            raise ModelError(
                f"The model gives {tuple(self.output.shape)}; class scores (N, K) were expected."
            )

    def windows(self) -> Iterator[tuple[list[Window], Tensor, Tensor | None]]:
        """All windows, some at a time, with outputs and activations, the first window first."""
        for windows in self.grid.tiles(self.together):
            if self.engine is None:
                yield windows, *self._whole(self.occluder.whole(windows)[0])
                continue
            results = self.engine.results(windows)
            output = finite(results[self.engine.program.output])
            numbers = self.engine.program.layers
            yield windows, output, results[numbers[self.layer]] if self.layer else None

    def _engine(self) -> Incremental | None:
        layers = () if self.layer is None else (self.layer,)
        model = Model(self.model, dict(self.model.named_modules()), layers=layers)
        middle = self.grid.at([count // 2 for count in self.grid.counts])
        sample = [middle, self.grid.at([0] * len(self.grid.counts))]
        try:
            engine = Incremental(model, self.occluder, sample)
        except UnsupportedOperationError:
            return None
        is_close = engine.checked.error <= engine.checked.limit
        return engine if is_close and set(layers) <= set(engine.program.layers) else None

    def _whole(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        found: list[Tensor] = []
        if self.layer is None:
            return finite(self.model(images)), None
        module = self.model.get_submodule(self.layer)
        with module.register_forward_hook(lambda _, args, output: found.append(output)):
            output = finite(self.model(images))
        if not found or not isinstance(found[-1], Tensor) or found[-1].dim() < 3:
            raise LayerError(f"The layer {self.layer!r} gives no feature maps (N, C, h, w).")
        return output, found[-1].clone()


def sums(activation: Tensor) -> Tensor:
    """Every feature map's activations summed over space: (N, C)."""
    return activation.flatten(2).sum(2)


def probabilities(output: Tensor) -> Tensor:
    """Class scores as probabilities."""
    return torch.softmax(output, 1)
