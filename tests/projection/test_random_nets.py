"""Random small nets: the engine against the literal reference, layer by layer, unit by unit."""

from __future__ import annotations

import itertools

import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


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


@settings(max_examples=80, deadline=None, derandomize=True)
@given(case=nets(), pick=st.integers(0, 2**16))
def test_a_random_net_projects_as_its_literal_twin(case, pick):
    """Seed, layer and unit at random; both images at once; output bit-identical."""
    net, images = case
    layer = pick % len(net)
    with torch.no_grad():
        output, captured = net(images.clone()), net[: layer + 1](images.clone())
    recording = cdn.record(net, images, str(layer))
    assert torch.equal(recording.output, output)
    places = list(itertools.product(*(range(size) for size in captured.shape[1:])))
    index = places[pick % len(places)]
    for seed in (1.0, -0.5):
        signal = reference.one_hot(captured, *index, value=seed)
        literal = reference.project(net[: layer + 1], images, signal).detach()
        units = [cdn.Unit(n, str(layer), *index) for n in range(2)]
        assert_close(recording.project(units, seed=seed), literal, **CLOSE)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(case=nets(), booleans=st.tuples(st.booleans(), st.booleans()))
def test_a_random_net_follows_the_booleans_of_its_family(case, booleans):
    """Relu mask and relu backward; switches stay, since not every window has a centre."""
    net, images = case
    mask, backward = booleans
    with torch.no_grad():
        output = net(images.clone())
    index = tuple(size // 2 for size in output.shape[1:])
    family = reference.Family(relu_mask=mask, relu_backward=backward)
    literal = reference.project(net, images, reference.one_hot(output, *index), family).detach()
    layer, ours = str(len(net) - 1), cdn.Family(mask, True, backward)
    recording = cdn.record(net, images, layer, relu=ours)
    units = [cdn.Unit(n, layer, *index) for n in range(2)]
    assert_close(recording.project(units, seed=1.0), literal, **CLOSE)
