"""A model's outputs and one layer's activations under windows of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

from captum_deconvnet.attribution.model_checks import train_mode_refused
from captum_deconvnet.attribution.selected_call import finite
from captum_deconvnet.engine.output import OutputName, select_output
from captum_deconvnet.engine.recorder.module_hooks import in_this_thread
from captum_deconvnet.errors import LayerError, ModelError, UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.incremental_model import IncrementalModel
from captum_deconvnet.occlusion.incremental.traceable import BatchDependentError, RandomError
from captum_deconvnet.occlusion.incremental.traced_passes import (
    ForwardCall,
    trace_clean_pass,
    trace_windows,
)
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.whole_model import WholeModel
from captum_deconvnet.occlusion.window_grid import Grid, Window


class OccludedLayer:
    """Gives outputs (N, K) and activations (N, C, h, w) under windows, incrementally if it can.

    Args:
        model: the model.
        layer: the path of a module, or ``None`` for outputs alone.
        occluder: covers windows of the images.
        grid: where the windows are.
        memory_budget: bytes that the windows going through together may take.
        chosen: which tensor of the model's output holds the class scores, if there are several.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: str | None,
        occluder: Occluder,
        grid: Grid,
        *,
        memory_budget: int,
        chosen: OutputName | None = None,
    ) -> None:
        """Run the model on the clean images."""
        self.model, self.layer, self.occluder, self.grid = model, layer, occluder, grid
        self.memory_budget, self.chosen = memory_budget, chosen
        self._reason: UnsupportedOperationError | None = None
        self.engine = self._engine()
        self.whole = WholeModel(
            type(model).__name__,
            self._run,
            occluder,
            most=1 if isinstance(self._reason, BatchDependentError) else None,
            is_suspect=isinstance(self._reason, RandomError),
        )
        self.output = self.whole.clean[0]
        self.activation = None if layer is None else self.whole.clean[1]

    def windows(self) -> Iterator[tuple[list[Window], Tensor, Tensor | None]]:
        """All windows, some at a time, with outputs and activations, the first window first."""
        if self.engine is None:
            for windows, found in self.whole.outputs(list(self.grid.windows())):
                yield windows, found[0], None if self.layer is None else found[1]
            return
        numbers = self.engine.program.layers
        for windows in self.grid.tiles(self.engine.memory.windows(self.memory_budget)):
            results = self.engine.results(windows)
            output = finite(results[self.engine.program.output])
            yield windows, output, None if self.layer is None else results[numbers[self.layer]]

    def _engine(self) -> IncrementalModel | None:
        layers = () if self.layer is None else (self.layer,)
        model = ForwardCall(self._scores, dict(self.model.named_modules()), layers=layers)
        try:
            first = trace_clean_pass(model, self.occluder)
            passes = trace_windows(first, model, self.occluder, self.grid.sample())
            engine = IncrementalModel(passes)
        except UnsupportedOperationError as error:
            self._reason = error
            return None
        return engine if engine.is_right and set(layers) <= set(engine.program.layers) else None

    def _scores(self, *inputs: Tensor) -> Tensor:
        """The tensor of the model's output that is looked at."""
        name = type(self.model).__name__
        return select_output(self.model(*inputs), self.chosen, name)

    def _run(self, inputs: Sequence[Tensor], count: int) -> list[Tensor]:
        """Outputs, and activations if a layer is looked at."""
        found: list[Any] = []
        with ExitStack() as undo:
            if count == 1:
                undo.enter_context(train_mode_refused(dict(self.model.named_modules())))
            if self.layer is not None:
                module = self.model.get_submodule(self.layer)
                note = in_this_thread(lambda _, args, output: found.append(output))
                undo.enter_context(module.register_forward_hook(note))
            output = finite(scores(self._scores(*inputs)))
        if self.layer is None:
            return [output]
        if not found or not isinstance(found[-1], Tensor) or found[-1].dim() < 3:
            raise LayerError(f"The layer {self.layer!r} gives no feature maps (N, C, h, w).")
        return [output, found[-1].clone()]


def scores(output: Tensor) -> Tensor:
    """The output, if it is class scores.

    Raises:
        ModelError: it is not (N, K).
    """
    if output.dim() != 2:
        raise ModelError(
            f"The model gives {tuple(output.shape)}; class scores (N, K) were expected. Wrap the "
            "model so that it gives one number a class, such as the mean over a mask."
        )
    return output


def sums(activation: Tensor) -> Tensor:
    """Every feature map's activations summed over space: (N, C)."""
    return activation.flatten(2).sum(2)
