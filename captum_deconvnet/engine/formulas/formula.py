"""Formulas: which function of one activation a value is, while a model is recorded.

A value that elementwise operations made from one activation, its *root*, is a function of one
number a place. Its formula keeps the operations, no data, so that the function can be worked out
for a few numbers of our own: that tells a rectifier spelled out in arithmetic from its torch name.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.tape.adjoint import nested_map, tensors_in
from captum_deconvnet.engine.tape.tape import Value

DEEPEST = 60
LARGEST_CONSTANT = 1 << 12
FAILURES = (RuntimeError, TypeError, ValueError, IndexError)


@dataclass(eq=False)
class Formula:
    """One value as a function of its root.

    Args:
        function: the last operation; ``None`` for the root itself.
        args: its positional arguments, formulas in place of activations.
        kwargs: its keyword arguments.
        root: the activation that the value is a function of.
        along: what the value is a multiple of, and a constant, if it is no more than that.
        has_rule: whether every operation since the root has a rule that the others leave valid.
        gate: how surely it only scales others, as its numbers tell.
        depth: how many operations lie between the root and the value.
        value: the value.
        dtype: its type.
        chosen: the mask that chose its numbers from among the root's, if one did.
        tensor: the tensor that held it, if a mask of it may be wanted.
    """

    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    root: Value
    along: Formula | None = None
    has_rule: bool = True
    gate: int = 0
    depth: int = 0
    value: Value | None = None
    dtype: torch.dtype = torch.float64
    chosen: Value | None = None
    tensor: weakref.ref[Tensor] | None = None

    @property
    def line(self) -> Formula:
        """What the value is a multiple of, and a constant; the value itself if it is more."""
        return self.along or self

    @property
    def given(self) -> set[Formula]:
        """The values that the last operation was given."""
        return {*formulas_in((self.args, self.kwargs))}

    @property
    def waists(self) -> list[Formula]:
        """The values before this one that it is a function of alone, the nearest first."""
        found, waiting = [], self.given
        while waiting:
            nearest = max(waiting, key=lambda one: one.depth)
            waiting.remove(nearest)
            if not waiting:
                found.append(nearest)
            waiting |= nearest.given
        return found

    def at(self, probe: Tensor, base: Formula) -> Tensor:
        """The numbers of this value where ``base`` holds ``probe``."""
        return self._work_out({base: probe})

    def _work_out(self, found: dict[Formula, Tensor]) -> Tensor:
        if self not in found:
            found[self] = self._run(found)
        return found[self]

    def _run(self, found: dict[Formula, Tensor]) -> Tensor:
        before = {one: one._work_out(found) for one in self.given}
        constants = [item for item in tensors_in((self.args, self.kwargs)) if item.dim()]
        shape = shape_of(*(one.shape for one in [*before.values(), *constants]))

        def filled(item: Any) -> Any:
            if isinstance(item, Formula):
                return before[item].expand(shape).clone()
            if isinstance(item, Tensor):
                return item.to("cpu", torch.float64 if is_signal(item) else None)
            return item

        assert self.function is not None
        made = self.function(*nested_map(filled, self.args), **nested_map(filled, self.kwargs))
        made = made if isinstance(made, Tensor) else made[0]
        return made if made.dtype == torch.bool else made.double()


def shape_of(*shapes: torch.Size) -> torch.Size:
    """The shape that these broadcast to."""
    found: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    return found


def formulas_in(item: Any) -> Iterator[Formula]:
    """Every formula in a nest of arguments."""
    if isinstance(item, Formula):
        yield item
    elif isinstance(item, list | tuple):
        for part in item:
            yield from formulas_in(part)
    elif isinstance(item, dict):
        yield from formulas_in(tuple(item.values()))


def constant(tensor: Tensor) -> Tensor | None:
    """A constant as a formula keeps it: a copy, of one number if it is uniform.

    ``None`` for what is too large to be one number a channel.
    """
    flat = tensor.detach().flatten()
    if flat.numel() > LARGEST_CONSTANT:
        if not bool(flat[0] == flat[-1]) or not bool((flat == flat[0]).all()):
            return None
        tensor = flat[0]
    return tensor.detach().clone()


def _same(tensor: Tensor, *_: Any, **__: Any) -> Tensor:
    return tensor if tensor.dtype == torch.bool else tensor.double()


def _leaky(tensor: Tensor, noise: Tensor, lower: float, upper: float, *_: Any) -> Tensor:
    return torch.where(tensor > 0, tensor, tensor * ((lower + upper) / 2))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


COPIES = _names("copy index clone alias contiguous lift_fresh _to_copy")
REPLACED: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys(["clone", "alias", "contiguous", "lift_fresh", "_to_copy"], _same),
    "zeros_like": lambda tensor, **_: torch.zeros_like(tensor),
    "ones_like": lambda tensor, **_: torch.ones_like(tensor),
    "full_like": lambda tensor, fill, **_: torch.full_like(tensor, fill),
    "rrelu_with_noise": _leaky,
    "copy": _same,
    "index": lambda tensor, indices: tensor,
    "where chosen": lambda tensor, mask, values: torch.where(mask, values, tensor),
}
"""Operations that are worked out otherwise than by calling them."""

SUMS = COPIES | _names("add sub rsub neg mul div")
"""With one activation, or where only sums are taken, as linear as what they were given."""

CLIPS = _names("clamp clamp_min clamp_max hardtanh")

WITHOUT_SIGNAL = _names(
    "zeros_like ones_like full_like eq ne gt ge lt le sign sgn heaviside "
    "logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or"
)
"""No signal goes back through them."""

RULED = _names(
    "relu gelu silu mish hardswish elu softplus celu selu clamp clamp_min clamp_max hardtanh "
    "threshold sigmoid hardsigmoid leaky_relu rrelu_with_noise _prelu_kernel tanh erf "
    "log_sigmoid_forward hardshrink softshrink"
)
"""Named nonlinear functions that have a rule of their own."""

WITHOUT_RULE = _names(
    "abs pow sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p erfc sin cos tan atan asinh "
    "sinh cosh special_log_ndtr special_ndtr square"
)
"""Functions of one activation that are no activation by themselves."""

MERGES = _names(
    "where masked_fill index_put maximum minimum fmax fmin logaddexp logaddexp2 addcmul addcdiv "
    "lerp xlogy copysign"
)

ELEMENTWISE = SUMS | WITHOUT_SIGNAL | RULED | WITHOUT_RULE | MERGES
"""Operations whose output at a place depends on nothing but their arguments there."""


def worked_out(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """How an operation is worked out on numbers of our own."""
    return REPLACED.get(name, function)
