"""How many windows go together."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.occlusion.incremental.window_cost import MemoryUse


@pytest.mark.parametrize(
    ("memory", "budget", "windows"),
    [
        (MemoryUse(kept=100, whole=20, window=11), 10**9, 20),  # (16 * 20 - 100) / 11
        (MemoryUse(kept=1000, whole=20, window=11), 10**9, 4),  # what is kept is too much already
        (MemoryUse(kept=0, whole=1000, window=1), 10**9, 64),
        (MemoryUse(kept=100, whole=20, window=11), 33, 3),
        (MemoryUse(kept=100, whole=20, window=11), 5, 1),  # less than one window takes
    ],
)
def test_windows_go_together_as_memory_allows(memory, budget, windows):
    assert memory.windows(budget) == windows


def test_a_budget_for_one_window_gives_what_a_large_one_gives():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))
    net, image = net.double(), torch.randn(2, 2, 16, 16).double()
    found = [
        cdn.Occlusion(net, method="incremental", memory_budget=budget).attribute(
            image, (2, 4, 4), (2, 3, 3), target=1
        )
        for budget in (1, 2**30)
    ]
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)
