"""Traced passes: a model run on the clean inputs and on two windows, as a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.model_checks import train_mode_refused
from captum_deconvnet.attribution.selected_call import SelectedCall
from captum_deconvnet.engine.recorder.module_hooks import layer_outputs
from captum_deconvnet.errors import CaptumDeconvnetError, UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.memory_layout import batch_copies
from captum_deconvnet.occlusion.incremental.optimisation import optimised
from captum_deconvnet.occlusion.incremental.program import Program
from captum_deconvnet.occlusion.incremental.trace import Trace, program_of
from captum_deconvnet.occlusion.incremental.tracer import FunctionTracer, Tracer
from captum_deconvnet.occlusion.incremental.window_cost import share_of_arithmetic
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.window_grid import Window


@dataclass(frozen=True)
class ForwardCall:
    """A forward function and what it is called with besides its inputs.

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

    @classmethod
    def of(cls, call: SelectedCall, layer: str | None) -> ForwardCall:
        """A call that gives its one tensor, and the outputs of a layer."""

        def additional(count: int) -> Sequence[Any]:
            return call.additional_for(count) or ()

        return cls(call.output_of, call.modules, additional, () if layer is None else (layer,))

    def output(self, inputs: Sequence[Tensor]) -> Any:
        """The model's own output for one window."""
        with torch.no_grad():
            return self.function(*inputs, *self.additional(1))

    def trace(self, inputs: Sequence[Tensor], count: int) -> Trace:
        """One forward pass for ``count`` windows, traced."""
        return trace(
            self.function, inputs, self.additional(count), modules=self.modules, layers=self.layers
        )


@dataclass(frozen=True)
class CleanPass:
    """A model's own pass on the clean inputs, traced, and the seconds that it took at most."""

    trace: Trace
    seconds: float


@dataclass(frozen=True)
class TracedPasses:
    """A model's own passes, traced: one on the clean inputs, one on two windows.

    Args:
        call: the model.
        occluder: covers the windows.
        sample: the two windows.
        program: what the passes do.
        clean: the model's output on the clean inputs.
        covered: its output for the two windows.
        seconds: what a window took alone, an upper bound.
    """

    call: ForwardCall
    occluder: Occluder
    sample: Sequence[Window]
    program: Program
    clean: Tensor
    covered: Tensor
    seconds: float

    def share(self) -> float:
        """How much of a pass's arithmetic the first window takes, recomputed in part."""
        return share_of_arithmetic(self.program, self.occluder.inputs, self.sample[0])


def trace_clean_pass(call: ForwardCall, occluder: Occluder) -> CleanPass:
    """Trace a model on the clean inputs.

    Raises:
        UnsupportedOperationError: if it cannot be traced, whatever the reason.
        TrainModeError: for a batch norm in train mode, naming it.
        Exception: what the model itself raises on its inputs.
    """
    if not occluder.keeps_dtypes:
        raise UnsupportedOperationError("covering an input changes its type")
    with as_unsupported(call, occluder):
        start = time.perf_counter()
        found = call.trace(occluder.clean_inputs(), 1)
        return CleanPass(found, time.perf_counter() - start)


def trace_windows(
    clean: CleanPass, call: ForwardCall, occluder: Occluder, sample: Sequence[Window]
) -> TracedPasses:
    """Trace a model on two windows as well; raises what :func:`trace_clean_pass` does."""
    with as_unsupported(call, occluder):
        start = time.perf_counter()
        covered = call.trace(occluder.covered_inputs(sample), 2)
        seconds = min(clean.seconds, (time.perf_counter() - start) / 2)
        program = optimised(program_of(clean.trace, covered))
    output = clean.trace.output
    return TracedPasses(call, occluder, sample, program, output, covered.output, seconds)


@contextmanager
def as_unsupported(call: ForwardCall, occluder: Occluder) -> Iterator[None]:
    """Errors that a model's own call does not raise say that it does not run in part."""
    try:
        yield
    except CaptumDeconvnetError:
        raise
    except Exception as error:
        call.output(occluder.clean_inputs())
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnsupportedOperationError(f"it does not run in part ({reason})") from error


def trace(
    function: Callable[..., Any],
    inputs: Sequence[Tensor],
    additional: Sequence[Any] = (),
    *,
    modules: Mapping[str, nn.Module],
    layers: Sequence[str] = (),
) -> Trace:
    """Run ``function`` on ``inputs`` and write down what it does.

    Args:
        function: the model's forward function.
        inputs: its inputs; not changed.
        additional: further arguments, which no result depends on here.
        modules: the modules it may run, by path.
        layers: the paths of modules whose outputs are asked for.

    Raises:
        UnsupportedOperationError: for an operation that cannot be traced.
        TrainModeError: for a batch norm in train mode, naming it.
    """
    tracer = Tracer()
    own = [batch_copies(tensor, 1) for tensor in inputs]
    for tensor in own:
        tracer.new(tensor)
    hooks = layer_outputs({path: modules[path] for path in layers}, tracer.note, prepend=True)
    refused = train_mode_refused(modules)
    with torch.no_grad(), refused, hooks, FunctionTracer(tracer), tracer:
        output = function(*own, *additional)
    if tracer.trace.error is not None:
        raise tracer.trace.error
    found = tracer.trace
    found.output, found.output_index = output, tracer.number(output)
    if found.output_index is None:
        raise UnsupportedOperationError(
            "the model's output is not one tensor that depends on its inputs"
        )
    return found
