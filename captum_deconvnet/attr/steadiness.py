"""Whether a model gives the same for the same, in whatever company."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError
from captum_deconvnet.incremental.engine import TOLERANCES, relative

MIXED = 100
"""How many times the tolerance no rounding reaches."""


def steady(run: Callable[[], Tensor], *, is_suspect: bool = False) -> Tensor:
    """What ``run`` gives; a warning, if it gives something else the second time.

    It runs a second time if it drew random numbers, or ``is_suspect``.
    """
    before = torch.get_rng_state()
    output = run()
    drew = not torch.equal(before, torch.get_rng_state())
    if (is_suspect or drew) and distance(run(), output) > 0:
        warn_random()
    return output


def warn_random() -> None:
    """Say that some of what is shown is chance."""
    warnings.warn(
        "The model gives different outputs for the same input: what occlusion shows is partly "
        "chance. Call model.eval(), or seed what it draws.",
        UserWarning,
        stacklevel=2,
    )


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a part of the largest value."""
    return relative(one, other) if one.numel() else 0.0


def is_mixed(together: Tensor, alone: Tensor) -> bool:
    """Whether outputs differ by more than rounding from what the same inputs give alone."""
    limit = TOLERANCES.get(alone.dtype, 1e-2)
    return distance(together, alone) > MIXED * limit


def mixed_error(name: str) -> ModelError:
    """The error for a model whose outputs depend on the other images of a batch."""
    return ModelError(
        f"{name} gives an image another output when other images are in its batch: windows cannot "
        "go through together. Call model.eval(), or give method='dense' and "
        "perturbations_per_eval=1."
    )
