"""Attention in hybrids: its weights are recorded constants, the signal follows the values."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn


class SharedHeads(nn.Module):
    """Four query heads over one head of keys and values, after a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.double()

    def forward(self, x):
        tokens = self.conv(x).flatten(2).transpose(1, 2)  # (N, positions, 8)
        query = tokens.reshape(len(x), -1, 4, 2).transpose(1, 2)
        shared = tokens[:, None, :, :2]
        return F.scaled_dot_product_attention(query, shared, shared)


def test_heads_that_share_their_values_add_up_their_signals():
    model, image = SharedHeads().eval(), torch.randn(2, 3, 3, 3, dtype=torch.float64)
    output = cdn.record(model, image).output
    signal = torch.randn_like(output)

    given = image.clone().requires_grad_()
    tokens = model.conv(given).flatten(2).transpose(1, 2)
    query = tokens.reshape(2, -1, 4, 2).transpose(1, 2).detach()
    weights = (query @ tokens[:, None, :, :2].detach().transpose(-2, -1) / 2**0.5).softmax(-1)
    expected = torch.autograd.grad(weights @ tokens[:, None, :, :2], given, signal)[0]

    class Signal(nn.Module):
        """The same model as a layer, so that any signal can be put on its output."""

        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            return self.inner(x)

    recording = cdn.record(Signal().eval(), image, "inner")
    assert_close(recording.project_signal("inner", signal), expected, rtol=1e-10, atol=1e-10)


def test_the_receipt_says_that_a_final_softmax_was_stripped():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Softmax(1)).eval()
    entry = cdn.record(model, torch.rand(1, 3, 5, 5)).receipt.entries[-1]
    assert (entry.operation, entry.rule, entry.kind) == (
        "_softmax",
        "start at the logit",
        "extension",
    )
