"""Whether a model gives the same output for the same input, alone or in any batch.

It is checked alike in every class: where chance takes part a warning says so; a model that gives an
image something else when others are in its batch is refused, where that can be seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from captum_deconvnet.engine.output import named_signals
from captum_deconvnet.engine.rules.call import base_name
from captum_deconvnet.errors import ModelError
from captum_deconvnet.torch_modes import OperationMode

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}
"""How far an output may be from the model's own, as a part of the largest output."""
OTHER_TOLERANCE = 1e-2
MIXED = 100
"""How many times the tolerance no rounding reaches."""

Outputs = Sequence[Tensor]
"""What a model gives for an image: its outputs, or something of its layers."""

VALUE_READERS = {"_local_scalar_dense", "nonzero", "equal", "is_same_size", "masked_select"}
"""Operations by which what a model does comes to depend on its numbers."""


def generator_states() -> list[Tensor]:
    """The states of torch's own generators: drawing random numbers changes one."""
    found = [torch.get_rng_state()]
    if torch.cuda.is_available():
        found += torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        found.append(torch.mps.get_rng_state())
    return found


def drew_since(before: Sequence[Tensor]) -> bool:
    """Whether random numbers were drawn since torch's generators had the states ``before``."""
    now = generator_states()
    return any(not torch.equal(*pair) for pair in zip(before, now, strict=False))


def check_determinism(first: Outputs, again: Callable[[], Outputs]) -> None:
    """Warn if a model gives something else for the same inputs."""
    if largest_difference(again(), first) > 0:
        warn_random()


def check_batch_independence(
    name: str,
    together: Outputs,
    alone: Outputs,
    again: Callable[[], Outputs],
    copies: Callable[[], Outputs],
    advice: str = "give images one by one",
) -> bool:
    """Whether an image gives the same among others as alone, but for rounding.

    A warning says so if it does not because of chance.

    Args:
        name: of the model, for the error.
        together: what the first image gives among others.
        alone: what it gives alone.
        again: runs it alone once more.
        copies: runs as many copies of it together as there were images; what the first gives. How
            an ill-conditioned model rounds depends on how many go together.
        advice: what else can be done.

    Raises:
        ModelError: what an image gives depends on the others.
    """
    if largest_difference(together, alone) <= rounding_limit(alone):
        return True
    if largest_difference(again(), alone) > rounding_limit(alone):
        warn_random()
    elif is_mixed(together, alone) and largest_difference(copies(), together) > rounding_limit(
        alone
    ):
        raise batch_dependence_error(name, advice)
    return False


def warn_random() -> None:
    """Say that some of what is shown is chance."""
    warnings.warn(
        "The model gives different outputs for the same input: what is shown is partly chance. "
        "Call model.eval(), or seed what it draws.",
        UserWarning,
        stacklevel=2,
    )


def batch_dependence_error(name: str, advice: str) -> ModelError:
    """The error for a model whose outputs depend on the other images of a batch."""
    return ModelError(
        f"{name} gives an image another output when other images are in its batch: images cannot "
        f"go through together. Call model.eval(), or {advice}."
    )


def is_mixed(together: Outputs, alone: Outputs) -> bool:
    """Whether outputs differ by more than rounding from what the same inputs give alone."""
    return largest_difference(together, alone) > MIXED * rounding_limit(alone)


def rounding_limit(seen: Outputs) -> float:
    """How large a difference may be rounding, as a part of the largest value."""
    return max((TOLERANCES.get(one.dtype, OTHER_TOLERANCE) for one in seen), default=0.0)


def largest_difference(found: Outputs, expected: Outputs) -> float:
    """The largest of the differences of tensors, each as a part of its largest value."""
    if [one.shape for one in found] != [one.shape for one in expected]:
        return float("inf")
    return max(
        (relative_difference(*pair) for pair in zip(found, expected, strict=True)), default=0.0
    )


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a part of the largest expected value."""
    if not expected.numel():
        return 0.0
    if not (expected.is_floating_point() or expected.is_complex()):
        found, expected = found.double(), expected.double()
    scale = max(float(expected.abs().max()), torch.finfo(torch.float32).tiny)
    return float((found - expected).abs().max()) / scale


class SeenOperations(OperationMode):
    """Sees the operations of a plain pass in this context.

    Attributes:
        seen: every one of them.
    """

    def __init__(self) -> None:
        """Nothing is seen yet."""
        super().__init__()
        self.seen: set[OpOverload] = set()
        self._is_hidden = False

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Operations in this context are not the model's."""
        self._is_hidden = True
        try:
            yield
        finally:
            self._is_hidden = False

    def run_operation(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation."""
        if not self._is_hidden:
            self.seen.add(func)
        return func(*args, **kwargs)


def decides(functions: Iterable[OpOverload]) -> bool:
    """Whether operations on activations read numbers that a model can decide by."""
    return any(base_name(function) in VALUE_READERS for function in functions)


def check_consistency(
    model: nn.Module,
    inputs: Sequence[Tensor],
    additional: Sequence[Any],
    output: Any,
    *,
    drew: bool,
    decided: bool,
) -> None:
    """Say what a pass owes to chance, and refuse one in which images decided for each other.

    The model runs again only if it drew random numbers, or decided for several images together.

    Raises:
        ModelError: what an image gives depends on the others.
    """
    count = len(inputs[0])
    run = partial(_signals, model, additional, count)
    seen = list(named_signals(output).values())
    if drew:
        check_determinism(seen, lambda: run(inputs))
    elif decided and count > 1:
        first = [tensor[:1] for tensor in inputs]
        copies = [tensor.repeat_interleave(count, 0) for tensor in first]
        try:
            alone = run(first)
        except Exception:
            return
        together = [tensor[:1] for tensor in seen if len(tensor.shape) and len(tensor) == count]
        check_batch_independence(
            type(model).__name__,
            together,
            [tensor[:1] for tensor in alone],
            lambda: [tensor[:1] for tensor in run(first)],
            lambda: [tensor[:1] for tensor in run(copies)],
        )


def _signals(
    model: nn.Module, additional: Sequence[Any], count: int, inputs: Sequence[Tensor]
) -> list[Tensor]:
    """What the model gives, on copies; torch's generators are left as they are."""
    given = [tensor.detach().clone() for tensor in inputs]
    rows = len(given[0])
    further = [
        item[:rows] if isinstance(item, Tensor) and item.dim() and len(item) == count else item
        for item in additional
    ]
    cards = [tensor.device for tensor in given if tensor.is_cuda]
    with torch.no_grad(), torch.random.fork_rng(devices=cards):
        return list(named_signals(model(*given, *further)).values())
