"""Many versions of many images through a model, in passes of one size.

The literature gives lengths in pixels of images of 224; here they shrink with the image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import unknown_name
from captum_deconvnet_benchmarks.metrics.explanations import class_scores

PASS_SIZE = 16
"""Rows of every forward pass. It never varies, because the last digits of a convolution depend on
the size of its batch; so a score does not depend on the images that are scored with it."""

OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "logit": lambda scores: scores,
    "probability": lambda scores: torch.softmax(scores, 1),
}


def check_output(output: str) -> str:
    """The name of an output, if it is one.

    Raises:
        UnknownNameError: if not.
    """
    if output not in OUTPUTS:
        raise unknown_name("output", output, OUTPUTS)
    return output


def in_passes(model: nn.Module, rows: int, make: Callable[[Tensor], Tensor]) -> Tensor:
    """The logits (rows, K) of inputs that are made when their turn comes.

    Args:
        model: (N, C, H, W) to logits (N, K).
        rows: how many inputs there are.
        make: from row numbers (P,) to inputs (P, C, H, W). The last pass is filled up with the
            last row.
    """
    found = []
    for start in range(0, rows, PASS_SIZE):
        numbers = torch.arange(start, start + PASS_SIZE).clamp(max=rows - 1)
        found.append(class_scores(model, make(numbers)))
    return torch.cat(found)[:rows]


def target_outputs(
    model: nn.Module,
    target: Tensor,
    versions: int,
    make: Callable[[Tensor, Tensor], Tensor],
    output: str = "logit",
) -> Tensor:
    """The output of each image's target for each version of it, (N, versions), float64.

    Args:
        model: the net.
        target: (N,) class indices.
        versions: how many there are of each image.
        make: ``make(images (P,), versions (P,)) -> inputs (P, C, H, W)``.
        output: ``"logit"`` or ``"probability"``.
    """
    rows = len(target) * versions
    scores = in_passes(model, rows, lambda row: make(row // versions, row % versions))
    chosen = OUTPUTS[output](scores.double()).gather(1, target.repeat_interleave(versions)[:, None])
    return chosen.view(len(target), versions)


def common_outputs(model: nn.Module, target: Tensor, image: Tensor, output: str) -> Tensor:
    """The output of each target (N,) for one image (1, C, H, W) that is the same for all."""
    scores = OUTPUTS[output](class_scores(model, image).double())
    return scores[0].to(target.device)[target]


PAPER_SIZE = 224


def proportion(shape: Sequence[int]) -> float:
    """The shorter side of images (..., H, W) as a share of 224 pixels, at most 1."""
    return min(1.0, min(shape[-2:]) / PAPER_SIZE)


def in_pixels(length: int, shape: Sequence[int]) -> int:
    """A length in pixels of an image of 224, in those of images (..., H, W); at least 1.

    Example:
        >>> in_pixels(32, (3, 224, 224)), in_pixels(32, (1, 28, 28)), in_pixels(32, (3, 512, 512))
        (32, 4, 32)
    """
    return max(1, round(length * proportion(shape)))
