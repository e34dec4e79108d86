"""Explainers and the models that they explain: what a metric is given.

An explainer gives each image a map of what its class owes to each pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from captum_deconvnet import LoadedModel


@dataclass(frozen=True)
class Subject:
    """A model under test.

    Args:
        name: what the tables call it, such as ``offline/efficientnet_lite0``.
        model: the net, in eval mode; inputs (N, C, H, W) to logits (N, classes).
        layer: module path of the last layer with a map, for explainers that look there.
        input_shape: (C, H, W) of an input, for those who must see the model run to judge it.
    """

    name: str
    model: nn.Module
    layer: str | None = None
    input_shape: tuple[int, ...] | None = None

    @classmethod
    def of(cls, loaded: LoadedModel) -> Subject:
        """The subject that a loaded model makes; its layer is the last stage."""
        layer = loaded.stages[-1] if loaded.stages else None
        return cls(loaded.name, loaded.model, layer, loaded.input_size)

    def with_model(self, model: nn.Module) -> Subject:
        """The same subject with another net of the same structure."""
        return replace(self, model=model)

    @cached_property
    def weights_hash(self) -> str:
        """Sixteen hexadecimal digits of all parameters and buffers: names, shapes, types, bytes."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            plain = tensor.detach().cpu().contiguous().flatten()
            digest.update(plain.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]


Attribute: TypeAlias = Callable[..., Tensor]
"""``(subject, inputs (N, C, H, W), target (N,), a seed an image, **parameters)``, which gives
maps (N, C or 1, H, W)."""

Unfit: TypeAlias = Callable[[Subject], "str | None"]
"""Why this subject cannot be explained so; ``None`` if it can."""


def always_fit(subject: Subject) -> None:
    """Any subject will do."""


@dataclass(frozen=True)
class Explainer:
    """One row of the table of explainers.

    Args:
        name: what the tables call it.
        attribute: computes the maps; each row of the result depends on that image, its target and
            its seed alone.
        control: whether it is there to be beaten (random, constant, edges).
        stochastic: whether the seeds matter.
        unfit: why a subject cannot be explained so; such pairs are skipped with the reason.
        parameters: every choice that moves a number, as JSON has it, with its default;
            ``attribute`` is called with them.
        version: raise it when the same parameters give other numbers.
    """

    name: str
    attribute: Attribute
    control: bool = False
    stochastic: bool = False
    unfit: Unfit = always_fit
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True)
class BoundExplainer:
    """An explainer with the subject it explains: what a metric is given."""

    explainer: Explainer
    subject: Subject

    def __call__(self, inputs: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
        """Maps (N, C or 1, H, W) of images (N, C, H, W) for their targets (N,)."""
        explainer = self.explainer
        return explainer.attribute(self.subject, inputs, target, seeds, **explainer.parameters)

    def on(self, model: nn.Module) -> BoundExplainer:
        """The same explainer of another net of the same structure, such as a randomised one."""
        return BoundExplainer(self.explainer, self.subject.with_model(model))
