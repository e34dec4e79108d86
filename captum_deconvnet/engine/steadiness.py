"""Whether a model gives the same for the same, in whatever company.

The same holds in every class: a batch norm in train mode is refused by name; where chance takes
part, a warning says so; a model that gives an image something else when others are in its batch is
refused, where that can be seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}
"""How far an output may be from the model's own, as a part of the largest output."""
OTHER_TOLERANCE = 1e-2
MIXED = 100
"""How many times the tolerance no rounding reaches."""

Seen = Sequence[Tensor]
"""What a model gives for an image: its outputs, or something of its layers."""


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


def check_chance(first: Seen, again: Callable[[], Seen]) -> None:
    """Warn if a model gives something else for the same inputs."""
    if differ(again(), first) > 0:
        warn_random()


def check_company(
    name: str,
    together: Seen,
    alone: Seen,
    again: Callable[[], Seen],
    copies: Callable[[], Seen],
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
    if differ(together, alone) <= limit(alone):
        return True
    if differ(again(), alone) > limit(alone):
        warn_random()
    elif is_mixed(together, alone) and differ(copies(), together) > limit(alone):
        raise mixed_error(name, advice)
    return False


def warn_random() -> None:
    """Say that some of what is shown is chance."""
    warnings.warn(
        "The model gives different outputs for the same input: what is shown is partly chance. "
        "Call model.eval(), or seed what it draws.",
        UserWarning,
        stacklevel=2,
    )


def mixed_error(name: str, advice: str) -> ModelError:
    """The error for a model whose outputs depend on the other images of a batch."""
    return ModelError(
        f"{name} gives an image another output when other images are in its batch: images cannot "
        f"go through together. Call model.eval(), or {advice}."
    )


def is_mixed(together: Seen, alone: Seen) -> bool:
    """Whether outputs differ by more than rounding from what the same inputs give alone."""
    return differ(together, alone) > MIXED * limit(alone)


def limit(seen: Seen) -> float:
    """How large a difference may be rounding, as a part of the largest value."""
    return max((TOLERANCES.get(one.dtype, OTHER_TOLERANCE) for one in seen), default=0.0)


def differ(found: Seen, expected: Seen) -> float:
    """The largest of the differences of tensors, each as a part of its largest value."""
    if [one.shape for one in found] != [one.shape for one in expected]:
        return float("inf")
    return max((distance(*pair) for pair in zip(found, expected, strict=True)), default=0.0)


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a part of the largest value."""
    return relative(one, other) if one.numel() else 0.0


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a part of the largest expected value."""
    if not (expected.is_floating_point() or expected.is_complex()):
        found, expected = found.double(), expected.double()
    scale = max(float(expected.abs().max()), torch.finfo(torch.float32).tiny)
    return float((found - expected).abs().max()) / scale
