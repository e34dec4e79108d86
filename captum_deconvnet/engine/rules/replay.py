"""The derivative of an operation, found by running it once more.

So run linear operations whose exact adjoint nobody needs to write out, and the gradient of any.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from captum_deconvnet.engine.rules.call import Call, Rule
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept, nested_map, tensors_in
from captum_deconvnet.engine.tape.reach import Reach, pointwise, whole

Geometry = Callable[[Call, Tensor], Reach]


@dataclass(frozen=True)
class Blank:
    """The layout of an activation whose data is not kept."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def fill(self) -> Tensor:
        """Zeros laid out as the activation was, if it did not overlap itself."""
        return torch.zeros_like(
            torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device=self.device)
        )


@dataclass(frozen=True)
class Slot:
    """The place of activation number ``position`` in a recorded argument list."""

    position: int


@dataclass(eq=False)
class Replay(Adjoint):
    """The derivative of an operation, by running it once more on its recorded arguments.

    With blanks for the activations this is the exact adjoint of a linear operation; with the
    activations themselves it is the gradient of any.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Kept | Blank, ...]
    output_index: int

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The vector-Jacobian product of the operation with the signal."""
        return self._back(signal)

    def has_derivative(self) -> bool:
        """Whether torch can take a signal back through the operation: tried with zeros."""
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", ".*autograd kernel was not registered")
                return any(part is not None for part in self._back(None))
        except (RuntimeError, UserWarning):  # NotImplementedError is one
            return False

    def _back(self, signal: Tensor | None) -> Sequence[Tensor | None]:
        with warnings.catch_warnings():  # of several signals at once torch takes some in turn
            warnings.filterwarnings("ignore", "There is a performance drop")
            output, pullback = torch.func.vjp(self._run, *self._given())[:2]
            answer: Sequence[Tensor | None] = pullback(_or_zeros(signal, output))
        return answer

    def _given(self) -> list[Tensor]:
        return [item.fill() if isinstance(item, Blank) else item.tensor for item in self.inputs]

    def kept(self) -> Iterator[Tensor]:
        """Every tensor this adjoint holds."""
        yield from tensors_in((self.args, self.kwargs, self.inputs))

    def _run(self, *inputs: Tensor) -> Tensor:
        def restored(item: Any) -> Any:
            if isinstance(item, Slot):
                return inputs[item.position]
            return plain(item.tensor) if isinstance(item, Kept) else item

        args, kwargs = nested_map(restored, self.args), nested_map(restored, self.kwargs)
        output = self.function(*args, **kwargs)
        answer: Tensor = output if isinstance(output, Tensor) else output[self.output_index]
        return answer


@dataclass(eq=False)
class AutogradReplay(Replay):
    """The derivative by plain autograd, of one signal at a time.

    For operations that torch's function transforms do not know: those from outside torch, and
    those on sparse tensors.
    """

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The vector-Jacobian product of the operation with the signal."""
        return one_by_one(self._back, signal)

    def _back(self, signal: Tensor | None) -> Sequence[Tensor | None]:
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in self._given()]
            output = self._run(*leaves)
            weights = _or_zeros(signal, output)
            return torch.autograd.grad(output, leaves, weights, allow_unused=True)


def _or_zeros(signal: Tensor | None, output: Tensor) -> Tensor:
    return torch.zeros_like(output) if signal is None else signal


def plain(tensor: Tensor) -> Tensor:
    """A tensor that autograd can save: one made in inference mode is copied."""
    return tensor.clone() if tensor.is_inference() else tensor


def replays(call: Call, *, keep: bool, reaches: tuple[Reach, ...]) -> list[Adjoint]:
    """One replay an output of ``call``, which keeps its activations or only their layout."""
    inputs = tuple(call.keep(tensor) if keep else _layout(tensor) for tensor in call.inputs)
    slots = {id(tensor): Slot(place) for place, tensor in reversed([*enumerate(call.inputs)])}

    def stored(item: Any) -> Any:
        if not isinstance(item, Tensor):
            return item
        return slots.get(id(item)) or call.keep(item)

    args, kwargs = nested_map(stored, call.args), nested_map(stored, call.kwargs)
    count = 1 if isinstance(call.output, Tensor) else len(call.output)
    form = AutogradReplay if is_foreign(call) else Replay
    return [form(reaches, call.functional, args, kwargs, inputs, n) for n in range(count)]


def is_foreign(call: Call) -> bool:
    """Whether only plain autograd can derive a call."""
    is_outside = isinstance(call.function, OpOverload) and call.function.namespace != "aten"
    return is_outside or any(tensor.layout is not torch.strided for tensor in call.given)


def _layout(tensor: Tensor) -> Blank:
    return Blank(tensor.shape, tensor.stride(), tensor.dtype, tensor.device)


def gradient(call: Call) -> list[Adjoint]:
    """The operation's own derivative: what was asked for, or all there is without a rule."""
    call.kind, call.rule = "adjoint" if call.family.exact else "fallback", "gradient"
    reaches = tuple(sees_all(call, tensor) for tensor in call.inputs)
    return replays(call, keep=True, reaches=reaches)


def sees_all(call: Call, tensor: Tensor) -> Reach:
    """Every output may see the whole of ``tensor``; of an elementwise operation, its own place."""
    is_elementwise = torch.Tag.pointwise in getattr(call.function, "tags", ())
    return pointwise(tensor.shape) if is_elementwise else whole(tensor.dim())


@dataclass(frozen=True)
class Linear:
    """The rule of an operation that is linear in its arguments ``flows``."""

    flows: tuple[str, ...]
    reach: Geometry

    def __call__(self, call: Call) -> list[Adjoint]:
        """The operation's exact adjoint for these arguments."""
        given = tensors_in([call.argument(name) for name in self.flows])
        carrying = [id(tensor) for tensor in given if call.flows(tensor)]
        others = [tensor for tensor in call.inputs if id(tensor) not in carrying]
        both = len(carrying) + len(others) < len(call.inputs)  # one activation in two roles
        if both or not carrying or (others and call.family.exact):
            return gradient(call)
        call.freeze(*others)
        reaches = tuple(self.reach(call, tensor) for tensor in call.inputs)
        return replays(call, keep=False, reaches=reaches)


def linear_in(*flows: str, reach: Geometry = sees_all) -> Rule:
    """The rule of an operation that is linear in the arguments ``flows``.

    Activations among the other arguments (a sampling grid, a mask, an index) are recorded
    constants; only the exact gradient follows them.
    """
    return Linear(flows, reach)


Back = Callable[[Tensor], tuple[Tensor, ...]]


def one_by_one(
    back: Callable[[Tensor], Sequence[Tensor | None]], signal: Tensor
) -> list[Tensor | None]:
    """``back`` of a signal; of several signals at once (``torch.vmap``) it sees one after another.

    For what only plain autograd can derive: operations from outside torch, and functions with a
    backward of their own, which may look at the numbers they are given.
    """
    present: list[bool] = []

    def parts(one: Tensor) -> tuple[Tensor, ...]:
        given = back(one)
        present[:] = [part is not None for part in given]
        return tuple(part for part in given if part is not None)

    found = iter(OneByOne.apply(parts, signal))
    return [next(found) if is_there else None for is_there in present]


class OneByOne(torch.autograd.Function):
    """What ``back`` gives, which is never derived itself."""

    @staticmethod
    def forward(back: Back, signal: Tensor) -> tuple[Tensor, ...]:
        """Of one signal."""
        return back(signal)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], back: Back, signals: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Of several signals, along the dimension that ``torch.vmap`` hides."""
        each = [OneByOne.apply(back, signal) for signal in signals.movedim(in_dims[-1] or 0, 0)]
        stacked = tuple(torch.stack(parts) for parts in zip(*each, strict=True))
        return stacked, (0,) * len(stacked)
