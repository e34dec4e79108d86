"""A forward function with its target and further arguments, as Captum's classes are given them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.captum_compat import (
    TargetType,
    expand_additional_forward_args,
    parse_forward_out,
    run_forward,
)
from captum_deconvnet.attribution.selection import select_target, several_numbers
from captum_deconvnet.engine.consistency import check_batch_independence
from captum_deconvnet.engine.output import OutputName, select_output
from captum_deconvnet.errors import NonFiniteError


@dataclass(frozen=True)
class SelectedCall:
    """The forward function with all that it is called with but the inputs.

    ``output`` says which tensor is explained, if the function gives several.
    """

    function: Callable[..., Any]
    target: TargetType
    additional: tuple[Any, ...] | None
    output: OutputName | None = None

    @cached_property
    def module(self) -> nn.Module | None:
        """The module that the function is, or is a method of."""
        owner = getattr(self.function, "__self__", self.function)
        return owner if isinstance(owner, nn.Module) else None

    @cached_property
    def modules(self) -> dict[str, nn.Module]:
        """All modules that it can run, by path."""
        return {} if self.module is None else dict(self.module.named_modules())

    @property
    def weights(self) -> int:
        """Bytes of its parameters."""
        return sum(weight.nbytes for weight in self.module.parameters()) if self.module else 0

    @property
    def in_train_mode(self) -> bool:
        """Whether some module may draw random numbers."""
        return any(module.training for module in self.modules.values())

    def outputs(self, inputs: Sequence[Tensor], count: int) -> Tensor:
        """All outputs for ``count`` windows."""
        additional = self.additional_for(count)
        if self.module is not None:
            return self.output_of(*inputs, *(additional or ()))
        return self.one_tensor(run_forward(self.function, tuple(inputs), None, additional))

    def one_tensor(self, output: Any) -> Tensor:
        """The one tensor, or number, that the function gave."""
        found: Tensor = (
            parse_forward_out(output)
            if isinstance(output, int | float)
            else select_output(output, self.output, self.name)
        )
        return found

    def check_batch_independence(self, inputs: Sequence[Tensor], output: Tensor) -> None:
        """Raise if what the first image gives depends on the other images of the batch.

        Raises:
            ModelError: it does.
        """
        count = len(inputs[0])
        has_rows = output.dim() > 0 and len(output) == count > 1
        if not has_rows or self.module is None or self.additional:
            return
        first = [tensor[:1] for tensor in inputs]
        copies = [tensor.repeat_interleave(count, 0) for tensor in first]
        try:
            alone = self.outputs(first, 1)
        except Exception:
            return
        check_batch_independence(
            self.name,
            [output[:1]],
            [alone],
            lambda: [self.outputs(first, 1)],
            lambda: [self.outputs(copies, 1)[:1]],
        )

    def output_of(self, *arguments: Any) -> Tensor:
        """The function's one tensor for its inputs and further arguments."""
        return self.one_tensor(self.function(*arguments))

    @property
    def name(self) -> str:
        """What errors call the function."""
        return type(self.module).__name__ if self.module is not None else "The forward function"

    def select(self, output: Tensor, count: int) -> Tensor:
        """The selected of all outputs for ``count`` windows.

        Raises:
            TargetError: for a target that the output does not have, or that picks a map of it.
            NonFiniteError: what it picks is NaN or infinite.
        """
        selected = select_target(output, self.target, count)
        if selected.dim() > (1 if self.target is not None else 2):
            raise several_numbers(selected, output, self.target, count)
        return finite(selected)

    def additional_for(self, count: int) -> tuple[Any, ...] | None:
        """The additional arguments for ``count`` windows."""
        if self.additional is None:
            return None
        found: tuple[Any, ...] = expand_additional_forward_args(self.additional, count)
        return found


def finite(output: Tensor) -> Tensor:
    """The output, if it is finite."""
    is_finite = isfinite(abs(output.sum().item()))  # what has a finite sum is finite
    if not is_finite and not bool(torch.isfinite(output).all()):
        raise NonFiniteError("The model's output holds NaN or infinite values.")
    return output
