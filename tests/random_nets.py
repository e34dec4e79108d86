"""Random small nets of convolutions, pools, norms and skips, for hypothesis."""

from __future__ import annotations

import reference
import torch
from hypothesis import strategies as st
from torch import nn


@st.composite
def convolutions(draw, channels):
    groups = draw(st.sampled_from([1, 2, channels]))
    return nn.Conv2d(
        channels,
        draw(st.sampled_from([2, 4])) * (groups if groups > 2 else 1),
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        dilation=draw(st.integers(1, 2)),
        groups=groups,
        bias=draw(st.booleans()),
        padding_mode=draw(st.sampled_from(["zeros", "zeros", "replicate", "circular"])),
    )


@st.composite
def max_pools(draw):
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return nn.MaxPool2d(
        kernel,
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=tuple(draw(st.integers(0, size // 2)) for size in kernel),
        dilation=draw(st.integers(1, 2)),
        ceil_mode=draw(st.booleans()),
    )


@st.composite
def average_pools(draw):
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return nn.AvgPool2d(
        kernel,
        stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        padding=tuple(draw(st.integers(0, size // 2)) for size in kernel),
        ceil_mode=draw(st.booleans()),
        count_include_pad=draw(st.booleans()),
        divisor_override=draw(st.sampled_from([None, None, 3])),
    )


def activations():
    return st.one_of(
        st.builds(nn.ReLU, inplace=st.booleans()),
        st.builds(nn.LeakyReLU, st.sampled_from([0.0, 0.1, 1.0]), inplace=st.booleans()),
    )


def batch_norm(channels):
    norm = nn.BatchNorm2d(channels)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    norm.weight.data.normal_()
    return norm.eval()


@st.composite
def blocks(draw, channels):
    kind = draw(st.sampled_from(["conv", "conv", "activation", "max", "average", "norm", "skip"]))
    match kind:
        case "conv":
            return draw(convolutions(channels))
        case "activation":
            return draw(activations())
        case "max":
            return draw(max_pools())
        case "average":
            return draw(average_pools())
        case "norm":
            return batch_norm(channels)
    inner = nn.Conv2d(channels, channels, 3, padding=1)
    return reference.Skip(inner, draw(activations()))


@st.composite
def nets(draw):
    """(net, images): at most six layers, every map at least one unit large."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    images = torch.randn(2, 2, draw(st.integers(6, 9)), draw(st.integers(6, 9))).double()
    layers = [nn.Conv2d(2, 4, 3, padding=1).double()]
    for _ in range(draw(st.integers(1, 5))):
        with torch.no_grad():
            entered = nn.Sequential(*layers)(images.clone())
        block = draw(blocks(entered.shape[1])).double().eval()
        if fits(block, entered):
            layers.append(block)
    return nn.Sequential(*layers).eval(), images


def fits(block, entered):
    """Whether torch itself accepts this map, and no window lies wholly in padding (-inf)."""
    try:
        with torch.no_grad():
            output = block(entered.clone())
            return output.numel() > 0 and bool(output.isfinite().all())
    except RuntimeError:
        return False
