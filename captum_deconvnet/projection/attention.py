"""Fused attention: the attention weights are recorded constants, the signal follows the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint, Kept, reduce_to
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.reach import Reach, whole_along
from captum_deconvnet.projection.replay import gradient


@dataclass(eq=False)
class Attend(Adjoint):
    """Scaled dot product attention with the recorded queries, keys and mask.

    Heads may share their keys and values (multi-query attention): their signals add up.
    """

    shape: torch.Size
    query: Kept
    key: Kept
    mask: Kept | None
    causal: bool
    scale: float

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal at the values: every position gives to those it attended to."""
        return (reduce_to(self.weights().transpose(-2, -1) @ signal, self.shape),)

    def weights(self) -> Tensor:
        """The attention weights, (..., queries, keys)."""
        scores = self.query.tensor @ self.key.tensor.transpose(-2, -1) * self.scale
        if self.causal:
            seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            scores = scores.masked_fill(~seen, -torch.inf)
        if self.mask is not None:
            mask = self.mask.tensor
            added = scores + mask if mask.dtype != torch.bool else scores
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else added
        return scores.softmax(-1)


def _own_values(shape: Sequence[int], output_shape: Sequence[int]) -> Reach:
    """Every position sees all values of its own image and head; shared heads are seen whole."""
    shared = [dim for dim, size in enumerate(shape) if size != output_shape[dim]]
    return whole_along([*shared, len(shape) - 2, len(shape) - 1])


def attention(call: Call) -> Answer:
    """One of torch's fused attention kernels."""
    query, key, value = (call.argument(name) for name in ("query", "key", "value"))
    if call.family.exact or not call.flows(value) or call.argument("dropout_p"):
        return gradient(call)
    call.inputs = [value]  # queries, keys and masks are constants; they may be one tensor
    mask = call.argument("attn_mask", call.argument("attn_bias"))
    scale = call.argument("scale")
    return Attend(
        (_own_values(value.shape, call.first_output.shape),),
        value.shape,
        call.keep(query),
        call.keep(key),
        None if mask is None else call.keep(mask),
        bool(call.argument("is_causal")),
        query.shape[-1] ** -0.5 if scale is None else float(scale),
    )
