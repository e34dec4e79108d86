"""The net behind whatever a benchmark is constructed with."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn

from captum_deconvnet import LoadedModel
from captum_deconvnet.errors import ModelError, NonFiniteError
from captum_deconvnet_benchmarks.subject import Subject

Model: TypeAlias = "nn.Module | LoadedModel | Subject"


def net_of(model: Model) -> nn.Module:
    """The net itself.

    Raises:
        AssertionError: if there is none, as Captum does.
    """
    net = model.model if isinstance(model, (LoadedModel, Subject)) else model
    assert isinstance(net, nn.Module), f"A model is expected, not {type(net).__name__}."
    return net


def class_scores(model: nn.Module, inputs: Tensor) -> Tensor:
    """The logits (N, K) of a batch, without autograd.

    Raises:
        ModelError: if the model gives something else.
        NonFiniteError: if a logit is NaN or infinite.
    """
    with torch.no_grad():
        found = model(inputs)
    if not isinstance(found, Tensor) or found.dim() != 2:
        given = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ModelError(f"The model gives {given}; class scores (N, K) were expected.")
    if not bool(torch.isfinite(found).all()):
        raise NonFiniteError("The model gives NaN or infinite class scores.")
    return found
