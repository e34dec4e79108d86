"""A forward function with its target and further arguments, as Captum's classes are given them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attr.captum_compat import (
    TargetType,
    expand_additional_forward_args,
    expand_target,
    parse_forward_out,
    run_forward,
    select_targets,
)
from captum_deconvnet.errors import NonFiniteError


@dataclass(frozen=True)
class SelectedCall:
    """The forward function with all that it is called with but the inputs."""

    function: Callable[..., Any]
    target: TargetType
    additional: tuple[Any, ...] | None

    @property
    def module(self) -> nn.Module | None:
        """The module that the function is, or is a method of."""
        owner = getattr(self.function, "__self__", self.function)
        return owner if isinstance(owner, nn.Module) else None

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All modules that it can run, by path."""
        return {} if self.module is None else dict(self.module.named_modules())

    @property
    def in_train_mode(self) -> bool:
        """Whether some module may draw random numbers."""
        return any(module.training for module in self.modules.values())

    def __call__(self, inputs: Sequence[Tensor], count: int) -> Tensor:
        """The selected outputs for ``count`` windows."""
        return self.select(self.all(inputs, count), count)

    def all(self, inputs: Sequence[Tensor], count: int) -> Tensor:
        """All outputs for ``count`` windows."""
        additional = self.expanded(count)
        output: Tensor = parse_forward_out(
            run_forward(self.function, tuple(inputs), None, additional)
        )
        return output

    def select(self, output: Tensor, count: int) -> Tensor:
        """The selected of all outputs for ``count`` windows."""
        return finite(select_targets(output, expand_target(self.target, count)))

    def expanded(self, count: int) -> tuple[Any, ...] | None:
        """The additional arguments for ``count`` windows."""
        if self.additional is None:
            return None
        found: tuple[Any, ...] = expand_additional_forward_args(self.additional, count)
        return found


def finite(output: Tensor) -> Tensor:
    """The output, if it is finite."""
    if not bool(torch.isfinite(output).all()):
        raise NonFiniteError("The model's output holds NaN or infinite values.")
    return output
