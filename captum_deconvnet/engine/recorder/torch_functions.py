"""Torch functions that are more to a recording than the operations inside them.

torch shows calls of ``torch.autograd.Function`` to no mode: it looks the author's ``forward`` up on
the class at every call. While some thread records, a descriptor on the metaclass answers: that
thread gets a ``forward`` that reports to its recorder, every other thread the author's own. After
the last recording the descriptor is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor
from torch.autograd.function import Function, FunctionMeta

from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.recorder.tensor_hooks import INSTEAD
from captum_deconvnet.engine.rules.autograd_functions import Context, own_backward
from captum_deconvnet.engine.rules.call import tensors
from captum_deconvnet.torch_modes import FunctionMode


@contextmanager
def functions_hooked(recorder: Recorder) -> Iterator[None]:
    """Record every call of a function with its own backward by this thread as one operation."""
    thread = threading.get_ident()
    with _CHANGING:
        outer = _FORWARD.recorders.get(thread)
        _FORWARD.recorders[thread] = recorder
        FunctionMeta.forward = _FORWARD  # type: ignore[attr-defined]
    try:
        yield
    finally:
        with _CHANGING:
            del _FORWARD.recorders[thread]
            if outer is not None:
                _FORWARD.recorders[thread] = outer
            if not _FORWARD.recorders:
                del FunctionMeta.forward  # type: ignore[attr-defined]


class ReportingForward:
    """Answers for the ``forward`` of every function class."""

    def __init__(self) -> None:
        """No thread records yet."""
        self.recorders: dict[int, Recorder] = {}

    def __get__(self, function: Any, metaclass: type) -> Any:
        """The author's forward; for a thread that records, one that reports."""
        if function is None:
            return self
        own = next(vars(c)["forward"] for c in function.__mro__ if "forward" in vars(c))
        forward = own.__get__(None, function)
        recorder = self.recorders.get(threading.get_ident())
        if recorder is None or function.__module__.startswith("torch."):
            return forward  # torch's own (checkpoints) are transparent: what they call is recorded
        return partial(reported, recorder, function, forward)

    def __set__(self, function: Any, forward: Any) -> None:
        """Set what the author sets; having this method puts the descriptor first."""
        with _CHANGING:
            del FunctionMeta.forward  # type: ignore[attr-defined]
            function.forward = forward
            FunctionMeta.forward = self  # type: ignore[attr-defined]


_CHANGING = threading.Lock()
_FORWARD = ReportingForward()


def reported(
    recorder: Recorder, function: Any, forward: Callable[..., Any], *given: Any, **named: Any
) -> Any:
    """Run an author's forward, and record it if it depends on the input."""
    writes_apart = function.setup_context is not Function.setup_context
    args = given if writes_apart else given[1:]
    places = tuple(place for place, item in enumerate(args) if recorder.flows(item))
    context = Context(tuple(place in places for place in range(len(args))))

    def run() -> Any:
        if not writes_apart:
            return _own_objects(forward(context, *args, **named), args, context)
        output = _own_objects(forward(*args, **named), args, context)
        function.setup_context(context, args, output)
        return output

    if not places:
        return forward(*given, **named)
    row = recorder.rows.get(function) or own_backward(context, places)
    output = recorder.take_whole(function, args, named, run, row)
    if not writes_apart:
        _tell(given[0], context)
    return output


def _own_objects(output: Any, args: tuple[Any, ...], context: Context) -> Any:
    """The output, with a new tensor for an argument that is given back unchanged."""

    def own(item: Any) -> Any:
        is_argument = isinstance(item, Tensor) and any(item is one for one in args)
        changed = any(item is one for one in context.dirty_tensors)
        return item.view_as(item) if is_argument and not changed else item

    return tuple(map(own, output)) if isinstance(output, tuple) else own(output)


def _tell(ctx: Any, context: Context) -> None:
    """Tell torch what was changed in place."""
    if context.dirty_tensors:
        ctx.mark_dirty(*context.dirty_tensors)
    if context.non_differentiable:
        ctx.mark_non_differentiable(*context.non_differentiable)


class FunctionRecorder(FunctionMode):
    """Takes whole the torch functions that have a rule; answers for those that need autograd."""

    def __init__(self, recorder: Recorder) -> None:
        """Report to ``recorder``."""
        super().__init__()
        self.recorder = recorder

    def run_function(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run one torch function."""
        if func in INSTEAD and any(map(self.recorder.flows, tensors(args, kwargs))):
            return INSTEAD[func](self.recorder, *args, **kwargs)
        if func not in self.recorder.rows:
            return func(*args, **kwargs)
        return self.recorder.take_whole(func, args, kwargs, lambda: func(*args, **kwargs))
