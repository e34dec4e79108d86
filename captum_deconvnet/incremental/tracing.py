"""Tracing: one forward pass, written down as a list of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.incremental.memory_layout import copies
from captum_deconvnet.incremental.traced import Trace
from captum_deconvnet.incremental.tracer import Tracer
from captum_deconvnet.incremental.train_mode import train_mode_refused
from captum_deconvnet.projection.watch import in_this_thread


class _Whole(TorchFunctionMode):
    """Takes whole what is one operation to us and several to torch."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        is_folded = func is F.pad and kwargs.get("mode", "constant") != "constant"
        if is_folded or func in _TAKEN_WHOLE:
            return self.tracer.take_whole(func, args, kwargs)
        return func(*args, **kwargs)


_TAKEN_WHOLE = (F.linear, F.adaptive_avg_pool2d, torch.einsum)


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
        UnsupportedOperationError: for an operation that cannot be followed.
        TrainModeError: for a batch norm in train mode, naming it.
    """
    tracer = Tracer()
    own = [copies(tensor, 1) for tensor in inputs]
    for tensor in own:
        tracer.new(tensor)
    with torch.no_grad(), _watched(tracer, modules, layers), _Whole(tracer), tracer:
        output = function(*own, *additional)
    if tracer.trace.trouble is not None:
        raise tracer.trace.trouble
    found = tracer.trace
    found.output, found.output_index = output, tracer.number(output)
    if found.output_index is None:
        raise UnsupportedOperationError(
            "the model's output is not one tensor that depends on its inputs"
        )
    return found


@contextmanager
def _watched(
    tracer: Tracer, modules: Mapping[str, nn.Module], layers: Sequence[str]
) -> Iterator[None]:
    """Note the layers' outputs, and refuse batch norms in train mode."""

    def note(path: str) -> Callable[..., None]:
        def left(module: nn.Module, args: Any, output: Any) -> None:
            number = tracer.number(output)
            if number is not None:
                tracer.trace.layers[path] = number

        return left

    with train_mode_refused(modules), ExitStack() as undo:
        for path in layers:
            hook = modules[path].register_forward_hook(in_this_thread(note(path)), prepend=True)
            undo.enter_context(hook)
        yield
