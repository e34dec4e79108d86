"""Running a model for many windows, recomputing only what can differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.incremental.block import Block, clean_pass
from captum_deconvnet.incremental.memory import Memory, memory_of
from captum_deconvnet.incremental.occluder import Occluder
from captum_deconvnet.incremental.optimising import optimised
from captum_deconvnet.incremental.pairing import paired
from captum_deconvnet.incremental.program import Program
from captum_deconvnet.incremental.traced import Trace
from captum_deconvnet.incremental.tracing import trace
from captum_deconvnet.incremental.windows import Window

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}
"""How far an output may be from the model's own, as a part of the largest output."""


@dataclass(frozen=True)
class Model:
    """What is to be run.

    Args:
        function: the model's forward function.
        modules: the modules it runs, by path.
        additional: gives its further arguments for a number of windows.
        layers: the paths of modules whose outputs are asked for as well.
    """

    function: Callable[..., Any]
    modules: Mapping[str, nn.Module]
    additional: Callable[[int], Sequence[Any]] = lambda count: ()
    layers: tuple[str, ...] = ()

    def traced(self, inputs: Sequence[Tensor], count: int) -> Trace:
        """One forward pass, written down."""
        return trace(
            self.function, inputs, self.additional(count), modules=self.modules, layers=self.layers
        )


@dataclass(frozen=True)
class Checked:
    """How the first two windows went.

    Args:
        error: the largest difference from the model's own output, by the largest output.
        limit: how large it may be.
        output: the model's own output for the two windows.
        seconds: of the model's own passes, one window; the first ones, so an upper bound.
    """

    error: float
    limit: float
    output: Tensor
    seconds: float


class Incremental:
    """A model that is run again only where its inputs are covered.

    Attributes:
        program: its forward pass.
        clean: the values on the clean inputs.
        output: the model's output on the clean inputs, as the program has it.
        checked: how the program compares with the model.
        memory: what windows take.
    """

    def __init__(self, model: Model, occluder: Occluder, sample: Sequence[Window]) -> None:
        """Follow the model on the clean inputs, and on two windows to check.

        Raises:
            UnsupportedOperationError: if the model cannot be followed.
            TrainModeError: for a batch norm in train mode, naming it.
        """
        if not occluder.keeps_types:
            raise UnsupportedOperationError("covering an input changes its type")
        self.occluder = occluder
        start = time.perf_counter()
        clean = model.traced(occluder.inputs, 1)
        between = time.perf_counter()
        covered = model.traced(occluder.whole(sample), 2)
        seconds = min(between - start, (time.perf_counter() - between) / 2)
        self.program: Program = optimised(paired(clean, covered))
        self.clean = clean_pass(self.program, [_laid_out(tensor) for tensor in occluder.inputs])
        self.output = self.clean[self.program.output]
        alone = self._block(sample[:1])
        self.checked = self._check(sample, alone, covered.output, seconds)
        own = [tensor for each in model.modules.values() for tensor in each.parameters(False)]
        self.memory: Memory = memory_of(self.program, self.clean, own, alone.most_bytes)

    def results(self, windows: Sequence[Window]) -> dict[int, Tensor]:
        """What the program gives for windows of one input, by number of the value."""
        with torch.no_grad():
            return self._block(windows).run()

    def outputs(self, windows: Sequence[Window]) -> Tensor:
        """The model's output for windows of one input: (windows * N, ...)."""
        return self.results(windows)[self.program.output]

    def _block(self, windows: Sequence[Window]) -> Block:
        first = {self.program.inputs[windows[0].input]: self.occluder.boxes(windows)}
        return Block(self.program, self.clean, len(windows), first)

    def _check(
        self, sample: Sequence[Window], first: Block, expected: Tensor, seconds: float
    ) -> Checked:
        """Compare both windows together, and the first alone, with the model's own outputs."""
        try:
            together = self.outputs(sample)
            with torch.no_grad():
                alone = first.run()[self.program.output]
        except (RuntimeError, IndexError, ValueError) as trouble:
            reason = " ".join(str(trouble).split())
            raise UnsupportedOperationError(
                f"the program does not run on other batches: {reason}"
            ) from trouble
        error = max(relative(together, expected), relative(alone, expected[: len(alone)]))
        return Checked(error, TOLERANCES.get(expected.dtype, 1e-2), expected, seconds)


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a part of the largest expected value."""
    scale = max(float(expected.abs().max()), torch.finfo(torch.float32).tiny)
    return float((found - expected).abs().max()) / scale


def _laid_out(tensor: Tensor) -> Tensor:
    """Pictures channels last, where filters are fastest on a CPU."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
