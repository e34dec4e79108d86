"""The tree of module calls in one forward pass, and the size of each map.

It also tells whether a net has a convolution at all: without one there is nothing to deconvolve.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules.conv import _ConvNd

from captum_deconvnet.errors import ModelError
from captum_deconvnet.torch_modes import OperationMode

ASPECT_TOLERANCE = 1.5
"""How far a map's shape may be from the input's: rounding of odd sizes stays well below."""


@dataclass(eq=False)
class ModuleCall:
    """One call of one module.

    Attributes:
        path: the module's path; empty for the model itself.
        module: the module.
        caller: the call that made this one.
        children: the calls it made, in order.
        incoming: (height, width) of the map it was given; ``None`` if it was not given one.
        size: (height, width) of the map it returned; ``None`` if it did not return one.
        passes_on: the child whose very output it returned.
    """

    path: str
    module: nn.Module
    caller: ModuleCall | None
    children: list[ModuleCall] = field(default_factory=list)
    incoming: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    passes_on: ModuleCall | None = None
    output: object = None

    @property
    def convolutions(self) -> int:
        """How many convolutions ran inside, or were this call itself."""
        return sum(isinstance(call.module, _ConvNd) for call in self.descendants())

    def descendants(self) -> Iterator[ModuleCall]:
        """This call and every call inside, each before those it made."""
        yield self
        for child in self.children:
            yield from child.descendants()


def call_tree(model: nn.Module, example_input: Tensor) -> ModuleCall:
    """Run the model once, in eval mode and without gradient, and note every module call.

    Raises:
        ModelError: the model does not run on this input.
    """
    recorder = _CallRecorder(example_input.shape)
    with torch.no_grad(), _eval_mode(model), recorder.hooks(model):
        try:
            model(example_input)
        except (RuntimeError, ValueError, TypeError, AssertionError) as error:
            shape = tuple(example_input.shape)
            raise ModelError(
                f"The model does not run on an input of shape {shape}: {error}"
            ) from error
    return recorder.root


class _CallRecorder:
    """Hooks that build the tree; calls from other threads are ignored."""

    def __init__(self, input_shape: torch.Size) -> None:
        self._images, self._input_size = input_shape[0], input_shape[-2:]
        self._thread = threading.get_ident()
        self._open: list[ModuleCall] = []

    @contextmanager
    def hooks(self, model: nn.Module) -> Iterator[None]:
        """Record the calls of every module of ``model``."""
        self.root = ModuleCall("", model, None)
        with ExitStack() as stack:
            for path, module in model.named_modules():
                enter = module.register_forward_pre_hook(self._entering(path))
                stack.callback(enter.remove)
                leave = module.register_forward_hook(self._leave)
                stack.callback(leave.remove)
            yield

    def _entering(self, path: str) -> Callable[[nn.Module, tuple[object, ...]], None]:
        def enter(module: nn.Module, args: tuple[object, ...]) -> None:
            if threading.get_ident() != self._thread:
                return
            caller = self._open[-1] if self._open else None
            call = ModuleCall(path, module, caller, incoming=self._size(args[0] if args else None))
            if caller is None:
                self.root = call
            else:
                caller.children.append(call)
            self._open.append(call)

        return enter

    def _leave(self, module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if threading.get_ident() != self._thread:
            return
        call = self._open.pop()
        call.output, call.size = output, self._size(output)
        for child in call.children:
            if child.output is output:
                call.passes_on = child
            child.output = None  # only a caller compares; nothing is held longer

    def _size(self, value: object) -> tuple[int, int] | None:
        """(height, width) of a map; tokens, channels-last tensors and attention heads are none."""
        if not isinstance(value, Tensor) or value.ndim not in (4, 5):
            return None
        if value.shape[0] != self._images:
            return None
        height, width = value.shape[-2:]
        if min(height, width) < 2:
            return None
        stretch = (self._input_size[0] * width) / (self._input_size[1] * height)
        return (height, width) if 1 / ASPECT_TOLERANCE < stretch < ASPECT_TOLERANCE else None


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while; each module's own flag comes back."""
    flags = {module: module.training for module in model.modules()}
    try:
        for module in flags:
            module.training = False
        yield
    finally:
        for module, flag in flags.items():
            module.training = flag


def has_convolution(model: nn.Module, example_input: Callable[[], Tensor]) -> bool:
    """Whether ``model`` has a convolution module or, if not, runs a convolution.

    Args:
        model: the net.
        example_input: makes an input for it; called only if no module settles the question.

    Raises:
        ModelError: the net had to be run and does not run on that input.
    """
    if any(isinstance(module, _ConvNd) for module in model.modules()):
        return True
    convolutions = _Convolutions()
    with convolutions:
        call_tree(model, example_input())
    return convolutions.seen


class _Convolutions(OperationMode):
    """Looks for the operation that every convolution ends in."""

    seen: bool = False

    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation, and look at which it is."""
        self.seen |= func is torch.ops.aten.convolution.default
        return func(*args, **kwargs)
