"""``torch.autograd.Function``: a signal passes it by its author's own ``backward``.

Straight-through rounding, spikes with a surrogate gradient, gradient reversal: what such a function
computes is not what its backward derives, so that nobody may look inside. It is one operation; the
receipt names its class as a *fallback*, because no rule of the deconvnet stands behind it. A rule
that the user gives for the class goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.autograd.function import Function, FunctionCtx

from captum_deconvnet.engine.rules.call import Call, is_signal, is_strided, tensors
from captum_deconvnet.engine.rules.replay import one_by_one
from captum_deconvnet.engine.rules.table import Row
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, reduce_to, tensors_in
from captum_deconvnet.engine.tape.reach import Extent, Reach, pointwise, whole
from captum_deconvnet.errors import ModelError
from captum_deconvnet.torch_modes import OperationMode

Layout = tuple[torch.Size, torch.dtype, torch.device]


class Context(FunctionCtx):
    """What the author's ``forward`` writes down and ``backward`` reads."""

    output_grad_dtypes = None

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        """Nothing is written down yet."""
        self.needs_input_grad = needs_input_grad
        self.materialize_grads = True
        self.to_save: Any = ()
        self.dirty_tensors: tuple[Tensor, ...] = ()
        self.non_differentiable: tuple[Tensor, ...] = ()
        self.kept: tuple[Kept | None, ...] = ()

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved, as it was then."""
        return tuple(None if kept is None else kept.tensor for kept in self.kept)


@dataclass(eq=False)
class OwnBackward(Adjoint):
    """The author's backward, for one of the outputs.

    ``places`` says which arguments of the function are the recorded inputs, of ``shapes``.
    """

    function: Any
    context: Context
    places: tuple[int, ...]
    shapes: tuple[torch.Size, ...]
    outputs: tuple[Layout | None, ...]
    output_index: int

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signals that the author gives for the activations, one signal at a time."""
        return one_by_one(self._back, signal)

    def has_derivative(self) -> bool:
        """Whether the author wrote a backward."""
        return bool(_backward(self.function) is not Function.backward)

    def is_elementwise(self) -> bool:
        """Whether each place of the signal stays at its place, tried with zeros."""
        layout = self.outputs[self.output_index]
        if layout is None or any(shape != layout[0] for shape in self.shapes):
            return False
        signal = torch.zeros(layout[0], dtype=layout[1], device=layout[2])
        with ElementwiseObserver([signal, *self.kept()]) as observed:
            parts = self._back(signal)
        answer: bool = observed.is_elementwise(parts)
        return answer

    def kept(self) -> Iterator[Tensor]:
        """What the author saved."""
        yield from tensors_in(self.context.kept)

    def _back(self, signal: Tensor) -> list[Tensor | None]:
        given: list[Tensor | None] = [None] * len(self.outputs)
        if self.context.materialize_grads:
            given = [self._zeros(place) for place in range(len(self.outputs))]
        given[self.output_index] = signal
        try:
            with torch.no_grad():
                answer = _backward(self.function)(self.context, *given)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise ModelError(f"The backward of {self.function.__name__} fails: {reason}") from error
        parts = tuple(answer) if isinstance(answer, tuple | list) else (answer,)
        chosen = [parts[place] if place < len(parts) else None for place in self.places]
        pairs = zip(chosen, self.shapes, strict=True)
        return [None if part is None else reduce_to(part, shape) for part, shape in pairs]

    def _zeros(self, place: int) -> Tensor | None:
        layout = self.outputs[place]
        if layout is None:
            return None
        return torch.zeros(layout[0], dtype=layout[1], device=layout[2])


def _backward(function: Any) -> Any:
    """What the author wrote: ``vjp`` is another name for it."""
    return function.backward if function.vjp is Function.vjp else function.vjp


def own_backward_adjoints(context: Context, places: tuple[int, ...], call: Call) -> Any:
    """The author's backward, one adjoint an output."""
    arguments: list[Tensor] = [call.args[place] for place in places]
    shapes = tuple(tensor.shape for tensor in arguments)
    with ElementwiseObserver(call.given) as observed:
        given = call.output if isinstance(call.output, tuple) else (call.output,)
    call.inputs, call.kind = arguments, "adjoint" if call.family.exact else "fallback"
    context.kept = tuple(item if item is None else call.keep(item) for item in context.to_save)
    context.to_save = ()
    layouts = tuple(_layout(item) for item in given)
    proven = observed.is_elementwise(given)
    adjoints: list[OwnBackward | None] = []
    for place, item in enumerate(given):
        if isinstance(item, Tensor):
            adjoint = OwnBackward((), call.function, context, places, shapes, layouts, place)
            adjoint.reaches = _reaches(adjoint, proven)
            stops = any(item is one for one in context.non_differentiable) or not is_signal(item)
            adjoints.append(None if stops else adjoint)
    return adjoints


def _layout(item: Any) -> Layout | None:
    return (item.shape, item.dtype, item.device) if isinstance(item, Tensor) else None


def _reaches(adjoint: OwnBackward, proven: bool) -> tuple[Reach, ...]:
    """Elementwise if forward and backward are; the backward is tried when somebody asks."""
    keeps_places = cache(adjoint.is_elementwise)

    def seen(shape: torch.Size, extent: Extent) -> Extent:
        is_pointwise = proven and keeps_places()
        return (pointwise(shape) if is_pointwise else whole(len(shape)))(extent)

    return tuple(partial(seen, shape) for shape in adjoint.shapes)


def own_backward(context: Context, places: tuple[int, ...]) -> Row:
    """The row of one call of a function with a backward of its own."""
    return Row(partial(own_backward_adjoints, context, places), "own backward", "fallback")


_SAME_PLACES = frozenset(
    {"clone", "detach", "alias", "_to_copy", "lift_fresh", "copy_", "masked_fill_", "contiguous"}
)


class ElementwiseObserver(OperationMode):
    """Watches operations; what it cannot follow it does not call elementwise."""

    def __init__(self, given: Iterable[Tensor | None]) -> None:
        """Watch what is made of ``given``."""
        super().__init__()
        self._known = {_address(tensor) for tensor in given if tensor is not None}
        self._holds = True

    def is_elementwise(self, made: Iterable[Any]) -> bool:
        """Whether all that ran was, and ``made`` comes from it."""
        given = [item for item in made if isinstance(item, Tensor)]
        return self._holds and all(_address(tensor) in self._known for tensor in given)

    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation and look at it."""
        output = func(*args, **kwargs)
        given = [tensor for tensor in tensors(args, kwargs) if tensor.dim()]
        made = tensors(output)
        shapes = {tensor.shape for tensor in (*given, *made)}
        is_known = all(_address(tensor) in self._known for tensor in given)
        if given and not (_keeps_places(func, args) and len(shapes) == 1 and is_known):
            self._holds = False
        elif given:
            self._known.update(map(_address, made))
        return output


def _keeps_places(func: OpOverload, args: tuple[Any, ...]) -> bool:
    if torch.Tag.pointwise in func.tags or func._opname in _SAME_PLACES:
        return True
    if func._opname in ("view", "view_as"):  # shapes are compared
        return True
    return func._opname == "index_put_" and _is_masked(*args[:3])


def _is_masked(tensor: Tensor, indices: Any, values: Tensor) -> bool:
    """``t[mask] = number``."""
    masks = [index for index in indices if index is not None]
    same = len(masks) == 1 and masks[0].dtype is torch.bool and masks[0].shape == tensor.shape
    return same and values.dim() == 0


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if is_strided(tensor) else -1
