"""The class that a net predicts for an image, in words."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from captum_deconvnet.engine.output import named_tensors
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.files import readable
from captum_deconvnet.registry import LoadedModel

TOLERANCE = 1e-3
"""How far the sum of probabilities may lie from 1."""


def predictions(loaded: LoadedModel, recording: Recording) -> list[str]:
    """The most probable class of every image and its probability; empty if there are no classes.

    Args:
        loaded: the model, whose categories name the classes.
        recording: of the images; its output (N, K) are scores of K classes, or probabilities.
    """
    outputs = list(named_tensors(recording.output).values())
    if len(outputs) != 1 or outputs[0].dim() not in (1, 2) or not outputs[0].numel():
        return []
    scores = outputs[0].detach().cpu().double().reshape(len(outputs[0]), -1)
    entries = recording.receipt.entries
    ends_in_sigmoid = bool(entries) and "sigmoid" in entries[-1].operation
    best = probabilities(scores, ends_in_sigmoid=ends_in_sigmoid).max(1)
    return [
        f"{class_name(loaded.categories, label)} ({chance:.2f})"
        for label, chance in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def probabilities(scores: torch.Tensor, *, ends_in_sigmoid: bool = False) -> torch.Tensor:
    """Scores (N, K) as probabilities: softmax, or sigmoid; probabilities stay as they are.

    Of a single score there are two classes: 0, and 1, whose probability it stands for.
    """
    if scores.shape[1] == 1:
        chance = scores if ends_in_sigmoid else scores.sigmoid()
        return torch.cat((1 - chance, chance), 1)
    inside = bool(((scores >= 0) & (scores <= 1)).all())
    if inside and (ends_in_sigmoid or bool(((scores.sum(1) - 1).abs() < TOLERANCE).all())):
        return scores
    return scores.softmax(1)


def class_name(categories: Sequence[str], number: int) -> str:
    """What a class is called; its number if it has no name."""
    return readable(categories[number]) if number < len(categories) else f"class {number}"


def prediction_note(found: Sequence[str]) -> list[str]:
    """The line over a figure that says what one image is taken for; none without classes."""
    return [f"predicted: {found[0]}"] if found else []
