"""Random weights that let a signal through.

Libraries start their nets so that training begins well, which hides most of a net from a test:
the last norm of a residual branch is zero, layer scales are 1e-6, norms do nothing, and depth
makes activations vanish or explode. So that every branch counts and activations keep unit scale:

* a parameter whose elements are all equal (norm weights and biases, layer scales, skip gains) is
  drawn anew: uniform from 0.5 to 1.5, or normal with deviation 0.1 if its name says bias;
* running statistics are those of the picture and one other, with a floor under the variances.

Filters and matrices stay as the library drew them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BIAS_DEVIATION = 0.1
VARIANCE_FLOOR = 0.05
"""Of the mean variance of a norm's channels: one that happens to be dead is not blown up."""


@torch.no_grad()
def enliven(model: nn.Module) -> None:
    """Draw anew the parameters that the library set to constants."""
    for name, parameter in model.named_parameters():
        if parameter.numel() > 0 and bool((parameter == parameter.flatten()[0]).all()):
            if "bias" in name.rpartition(".")[2]:
                parameter.normal_(std=BIAS_DEVIATION)
            else:
                parameter.uniform_(0.5, 1.5)


@torch.no_grad()
def calibrate(model: nn.Module, batch: Tensor) -> None:
    """Set the running statistics of every norm that has some to those of ``batch``.

    Args:
        model: in eval mode; left in eval mode.
        batch: at least two inputs.
    """
    norms = [module for module in model.modules() if has_statistics(module)]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.training, norm.momentum = True, 1.0  # type: ignore[assignment]
        model(batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.training, norm.momentum = False, momentum
    for norm in norms:
        variance = norm.running_var
        if isinstance(variance, Tensor):
            variance.clamp_(min=float(variance.mean()) * VARIANCE_FLOOR)


def has_statistics(module: nn.Module) -> bool:
    """Whether a module keeps a running variance."""
    return isinstance(getattr(module, "running_var", None), Tensor) and hasattr(module, "momentum")
