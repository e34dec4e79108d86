"""The subject of a benchmark: one model whose explanations are compared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

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
