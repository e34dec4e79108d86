"""Switches drawn at random: what is left of a projection when they say nothing about the image."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Call, Rule
from captum_deconvnet.engine.rules.pools import Window
from captum_deconvnet.engine.rules.switches import Unpool, max_pool

POOLS = (torch.ops.aten.max_pool2d_with_indices, torch.ops.aten.max_pool3d_with_indices)


def random_switches(generator: torch.Generator) -> dict[object, Rule]:
    """Rules for ``rules=`` with which each max pool's switches are drawn at random.

    The forward pass is what it was. On the way back each pooled value goes to any place of its
    window inside the image, all equally likely, and not to where the maximum was.

    Args:
        generator: where chance comes from; of the CPU.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2))
        >>> rules = cdn.rules.random_switches(torch.Generator().manual_seed(0))
        >>> recording = cdn.record(net, torch.rand(1, 1, 8, 8), "1", rules=rules)
        >>> recording.receipt.entries[-1].rule
        'random_switches'
    """

    def rule(call: Call) -> Unpool:
        answer = max_pool(call)
        assert isinstance(answer, list)
        (unpool,) = answer
        assert isinstance(unpool, Unpool)
        shape = call.output[1].shape
        drawn = draw(unpool.window, shape, generator).to(unpool.switches.device)
        return replace(unpool, switches=drawn.to(unpool.switches.dtype))

    rule.__name__ = "random_switches"
    return dict.fromkeys(POOLS, rule)


def draw(window: Window, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """For each pooled value (N, C, ...) the number of a random element of its window.

    An axis at a time: the elements of a window that lie inside the image are neighbours.
    """
    numbers = torch.zeros(shape, dtype=torch.int64)
    count = len(window.size)
    for axis, kernel in enumerate(window.kernel):
        lowest, last = window.inside(axis, shape[axis - count])
        spread = (last - lowest + 1).clamp(min=1)
        along = [-1 if dim == axis - count else 1 for dim in range(-len(shape), 0)]
        chance = torch.rand(shape, generator=generator, dtype=torch.float64)
        element = lowest.view(along) + (chance * spread.view(along)).long()
        numbers = numbers * kernel + element
    return numbers
