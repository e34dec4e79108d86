"""A model run again only where its inputs are covered."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet.attribution.model_checks import feature_maps
from captum_deconvnet.attribution.selected_call import SelectedCall, finite
from captum_deconvnet.engine.consistency import (
    batch_dependence_error,
    is_mixed,
    relative_difference,
    rounding_limit,
)
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.interpreter import run_clean, run_windows
from captum_deconvnet.occlusion.incremental.memory_layout import channels_last
from captum_deconvnet.occlusion.incremental.traceable import ADVICE, RandomError
from captum_deconvnet.occlusion.incremental.traced_passes import TracedPasses, as_unsupported
from captum_deconvnet.occlusion.incremental.window_batch import WindowBatch
from captum_deconvnet.occlusion.incremental.window_cost import MemoryUse, memory_use
from captum_deconvnet.occlusion.window_grid import Window

ROUNDED = 4
"""How many times larger than the model's own rounding ours may be."""


class IncrementalModel:
    """A model that is run again only where its inputs are covered.

    Attributes:
        passes: the model's own passes.
        program: what they do.
        clean: the values on the clean inputs.
        clean_tensors: the output on the clean inputs, and the activations of the layers asked for,
            as the program has them.
        error: the largest difference of the two windows' outputs from the model's own, by the
            largest output.
        limit: how large it may be.
        memory: what windows take.
    """

    def __init__(self, passes: TracedPasses) -> None:
        """Run the program on the clean inputs, and on the two windows to check it.

        Raises:
            UnsupportedOperationError: if it does not run as the model does.
            LayerError: a layer asked for gives no feature maps.
        """
        self.passes, self.occluder, self.program = passes, passes.occluder, passes.program
        with as_unsupported(passes.call, self.occluder):
            inputs = [channels_last(tensor) for tensor in self.occluder.inputs]
            self.clean = run_clean(self.program, inputs)
            self._asked = [self.program.output, *map(self._layer, passes.call.layers)]
            self.clean_tensors = [self.clean[index] for index in self._asked]
            for path, activations in zip(passes.call.layers, self.clean_tensors[1:], strict=True):
                feature_maps(path, [activations])
            self.error, most_bytes = self._error()
        self.limit = rounding_limit(self.clean_tensors[:1])
        modules = passes.call.modules.values()
        own = [tensor for each in modules for tensor in each.parameters(False)]
        self.memory: MemoryUse = memory_use(self.program, self.clean, own, most_bytes)

    @property
    def is_right(self) -> bool:
        """Whether the program gives what the model gives, but for rounding."""
        return self.error <= self.limit

    def outputs(self, windows: Sequence[Window]) -> list[Tensor]:
        """What is asked for under windows of one input: (windows * N, ...), the output first."""
        results = self._run(windows)[0]
        return [results[index] for index in self._asked]

    def check_error_is_rounding(self, call: SelectedCall) -> None:
        """Raise if the outputs are not the model's own, and rounding is not why.

        Raises:
            RandomError: the model draws random numbers.
            ModelError: its outputs depend on the other images of the batch.
            UnsupportedOperationError: it is not known why.
        """

        def plain(windows: Sequence[Window]) -> Tensor:
            return call.outputs(self.occluder.covered_inputs(windows), len(windows))

        sample, expected = self.passes.sample, self.passes.covered
        again, alone = plain(sample), plain(sample[:1])
        if relative_difference(again, finite(expected)) > self.limit:
            raise RandomError("the model gives different outputs for the same input")
        if is_mixed([alone], [again[: len(alone)]]):
            repeated = plain([sample[0]] * len(sample))
            if relative_difference(repeated[: len(alone)], again[: len(alone)]) > self.limit:
                raise batch_dependence_error(call.name, ADVICE)
        if self.error > ROUNDED * relative_difference(alone, again[: len(alone)]):
            raise UnsupportedOperationError(
                f"recomputed outputs were off by {self.error:.1g} of the largest"
            )

    def _layer(self, path: str) -> int:
        if path not in self.program.layers:
            raise UnsupportedOperationError(
                f"the layer {path!r} gives no tensor that depends on the inputs"
            )
        return self.program.layers[path]

    def _run(self, windows: Sequence[Window]) -> tuple[dict[int, Tensor], int]:
        covered = {self.program.inputs[windows[0].input]: self.occluder.covered_boxes(windows)}
        with torch.no_grad():
            return run_windows(WindowBatch(self.program, self.clean, len(windows), covered))

    def _error(self) -> tuple[float, int]:
        """How far both windows together, and the first alone, are from the model's own outputs.

        And the most bytes that the changed values of the first alone took at once.
        """
        expected, together = self.passes.covered, self.outputs(self.passes.sample)[0]
        results, most_bytes = self._run(self.passes.sample[:1])
        alone = results[self.program.output]
        error = max(
            relative_difference(together, expected),
            relative_difference(alone, expected[: len(alone)]),
        )
        return error, most_bytes
