"""Running a model for many windows, recomputing only what can differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.steadiness import limit, relative
from captum_deconvnet.errors import CaptumDeconvnetError, UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.arithmetic import share_of_window
from captum_deconvnet.occlusion.incremental.block import Block
from captum_deconvnet.occlusion.incremental.interpreter import clean_pass, run_block
from captum_deconvnet.occlusion.incremental.memory import Memory, memory_of
from captum_deconvnet.occlusion.incremental.occluder import Occluder
from captum_deconvnet.occlusion.incremental.optimising import optimised
from captum_deconvnet.occlusion.incremental.program import Program
from captum_deconvnet.occlusion.incremental.tracer import Trace
from captum_deconvnet.occlusion.incremental.tracing import paired, trace
from captum_deconvnet.occlusion.incremental.windows import Window


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

    def run(self, inputs: Sequence[Tensor]) -> Any:
        """The model's own output for one window."""
        with torch.no_grad():
            return self.function(*inputs, *self.additional(1))

    def traced(self, inputs: Sequence[Tensor], count: int) -> Trace:
        """One forward pass, written down."""
        return trace(
            self.function, inputs, self.additional(count), modules=self.modules, layers=self.layers
        )


@dataclass(frozen=True)
class Passes:
    """A model's own passes, written down: one on the clean inputs, one on two windows.

    Args:
        model: the model.
        occluder: covers the windows.
        sample: the two windows.
        program: what the passes do.
        clean: the model's output on the clean inputs.
        covered: its output for the two windows.
        seconds: what a window took alone, an upper bound.
    """

    model: Model
    occluder: Occluder
    sample: Sequence[Window]
    program: Program
    clean: Tensor
    covered: Tensor
    seconds: float

    def share(self) -> float:
        """How much of a pass's arithmetic the first window takes, recomputed in part."""
        return share_of_window(self.program, self.occluder.inputs, self.sample[0])


@dataclass(frozen=True)
class FirstPass:
    """A model's own pass on the clean inputs, written down, and the seconds that it took.

    Args:
        trace: the pass.
        seconds: what it took, an upper bound.
    """

    trace: Trace
    seconds: float


def first_pass(model: Model, occluder: Occluder) -> FirstPass:
    """Follow a model on the clean inputs.

    Raises:
        UnsupportedOperationError: if it cannot be followed, whatever the reason.
        TrainModeError: for a batch norm in train mode, naming it.
        Exception: what the model itself raises on its inputs.
    """
    if not occluder.keeps_types:
        raise UnsupportedOperationError("covering an input changes its type")
    with unfollowed(model, occluder):
        start = time.perf_counter()
        trace = model.traced(occluder.clean(), 1)
        return FirstPass(trace, time.perf_counter() - start)


def followed(
    first: FirstPass, model: Model, occluder: Occluder, sample: Sequence[Window]
) -> Passes:
    """Follow a model on two windows as well; raises what :func:`first_pass` does."""
    with unfollowed(model, occluder):
        start = time.perf_counter()
        covered = model.traced(occluder.whole(sample), 2)
        seconds = min(first.seconds, (time.perf_counter() - start) / 2)
        program = optimised(paired(first.trace, covered))
    clean = first.trace.output
    return Passes(model, occluder, sample, program, clean, covered.output, seconds)


@contextmanager
def unfollowed(model: Model, occluder: Occluder) -> Iterator[None]:
    """Errors that a model's own call does not raise say that it cannot be followed."""
    try:
        yield
    except CaptumDeconvnetError:
        raise
    except Exception as trouble:
        model.run(occluder.clean())
        reason = " ".join(f"{type(trouble).__name__}: {trouble}".split())[:200]
        raise UnsupportedOperationError(f"it does not run in part ({reason})") from trouble


class Incremental:
    """A model that is run again only where its inputs are covered.

    Attributes:
        passes: the model's own passes.
        program: what they do.
        clean: the values on the clean inputs.
        output: the model's output on the clean inputs, as the program has it.
        error: the largest difference of the two windows' outputs from the model's own, by the
            largest output.
        limit: how large it may be.
        memory: what windows take.
    """

    def __init__(self, passes: Passes) -> None:
        """Run the program on the clean inputs, and on the two windows to check it.

        Raises:
            UnsupportedOperationError: if it does not run as the model does.
        """
        self.passes, self.occluder, self.program = passes, passes.occluder, passes.program
        with unfollowed(passes.model, self.occluder):
            inputs = [_laid_out(tensor) for tensor in self.occluder.inputs]
            self.clean = clean_pass(self.program, inputs)
            self.output = self.clean[self.program.output]
            self.error, most_bytes = self._error()
        self.limit = limit([self.output])
        modules = passes.model.modules.values()
        own = [tensor for each in modules for tensor in each.parameters(False)]
        self.memory: Memory = memory_of(self.program, self.clean, own, most_bytes)

    @property
    def is_right(self) -> bool:
        """Whether the program gives what the model gives, but for rounding."""
        return self.error <= self.limit

    def results(self, windows: Sequence[Window]) -> dict[int, Tensor]:
        """What the program gives for windows of one input, by number of the value."""
        return self._run(windows)[0]

    def outputs(self, windows: Sequence[Window]) -> Tensor:
        """The model's output for windows of one input: (windows * N, ...)."""
        return self.results(windows)[self.program.output]

    def _run(self, windows: Sequence[Window]) -> tuple[dict[int, Tensor], int]:
        first = {self.program.inputs[windows[0].input]: self.occluder.boxes(windows)}
        with torch.no_grad():
            return run_block(Block(self.program, self.clean, len(windows), first))

    def _error(self) -> tuple[float, int]:
        """How far both windows together, and the first alone, are from the model's own outputs.

        And the most bytes that the changed values of the first alone took at once.
        """
        expected, together = self.passes.covered, self.outputs(self.passes.sample)
        results, most_bytes = self._run(self.passes.sample[:1])
        alone = results[self.program.output]
        error = max(relative(together, expected), relative(alone, expected[: len(alone)]))
        return error, most_bytes


def _laid_out(tensor: Tensor) -> Tensor:
    """Pictures channels last, where filters are fastest on a CPU."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
