"""Random graphs: incremental recomputation against one forward pass a window.

``RANDOM_NETS=3000`` runs that many, newly drawn.
"""

from __future__ import annotations

import os

import occluded
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import captum_deconvnet as cdn

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")

ACTIVATIONS = [
    F.relu,
    F.gelu,
    F.silu,
    F.hardswish,
    torch.sigmoid,
    lambda x: F.leaky_relu(x, 0.1),
    lambda x: x.clone().relu_(),
    lambda x: x * torch.sigmoid(x),
    lambda x: x.clamp(-0.5, 1.5),
    lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    lambda x: x + torch.linspace(0, 1, x.shape[-1], dtype=x.dtype),
    lambda x: F.instance_norm(x),
    lambda x: F.group_norm(x, 2),
    lambda x: F.normalize(x, dim=1),
    lambda x: F.local_response_norm(x, 3),
    lambda x: x.softmax(1),
    lambda x: x.roll(1, 2),
    lambda x: x.flip(3),
    lambda x: F.pad(x, (1, 0, 2, 1), value=0.5),
    lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"),
    lambda x: x[:, :, 1:],
    lambda x: x[..., ::2],
    lambda x: torch.cat([x[:, 1:], x[:, :1]], 1),
    lambda x: torch.cat([x, -x], 1)[:, ::2],
    lambda x: torch.maximum(*x.chunk(2, 1)).repeat(1, 2, 1, 1),
    lambda x: x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2),
    lambda x: F.interpolate(x, scale_factor=2),
    lambda x: F.interpolate(x, size=(7, 6), mode="bilinear"),
    lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],)).permute(0, 3, 1, 2),
    lambda x: torch.cat([x, torch.ones(len(x), 2, *x.shape[2:], dtype=x.dtype)], 1)[:, 2:],
    lambda x: torch.cat([torch.zeros_like(x[:, :2]), x], 1)[:, :-2],
    lambda x: torch.cat([rows(x).expand(len(x), 2, -1, -1), x], 1)[:, : x.shape[1]],
    lambda x: torch.cat([x[:, :, 1:], x.new_full((*x.shape[:2], 1, x.shape[3]), 0.5)], 2),
    lambda x: torch.where(rows(x) > 0.5, x, torch.zeros_like(x)),
    lambda x: torch.stack([x, torch.ones_like(x)]).prod(0),
    lambda x: x.mul(other=rows(x)).add(other=x, alpha=2),
    lambda x: F.conv2d(
        input=x,
        weight=torch.ones(x.shape[1], 1, 2, 2, dtype=x.dtype),
        padding="same",
        groups=x.shape[1],
    ),
    lambda x: F.max_pool2d(input=x, kernel_size=2, stride=1),
    lambda x: F.pixel_unshuffle(F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2), 2)[:, ::4],
]


def rows(x):
    """A constant (1, 1, H, W) that is another at every place."""
    height, width = x.shape[2:]
    return torch.linspace(0, 1, height * width, dtype=x.dtype).view(1, 1, height, width)


class Stage(nn.Module):
    """One operation, by itself, around a skip path, or beside another branch."""

    def __init__(self, inner, way):
        super().__init__()
        self.inner, self.way = inner, way

    def forward(self, x):
        y = self.inner(x)
        if self.way == "skip" and y.shape == x.shape:
            return y + x
        if self.way == "beside" and y.shape[2:] == x.shape[2:]:
            return torch.cat([x, y], 1)[:, : max(4, x.shape[1])]
        return y


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def as_it_is(images):
    return images


def channels_last(images):
    return images.contiguous(memory_format=torch.channels_last)


def sides(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def operations(draw, channels):
    kind = draw(
        st.sampled_from(["conv", "conv", "conv", "function", "max", "average", "norm", "linear"])
    )
    if kind == "conv":
        groups = draw(st.sampled_from([1, 2, channels]))
        if draw(st.integers(0, 3)) == 0:
            padding = draw(st.sampled_from(["same", "valid"]))
            return nn.Conv2d(channels, channels, draw(sides(1, 3)), padding=padding, groups=groups)
        return nn.Conv2d(
            channels, 4 if channels == 4 else channels, draw(sides(1, 3)), stride=draw(sides(1, 2)),
            padding=draw(sides(0, 2)), dilation=draw(st.integers(1, 2)), groups=groups,
            bias=draw(st.booleans()),
            padding_mode=draw(st.sampled_from(["zeros", "zeros", "zeros", "circular"])),
        )  # fmt: skip
    if kind in ("max", "average"):
        kernel, ceil = draw(sides(1, 3)), draw(st.booleans())
        padding = tuple(draw(st.integers(0, size // 2)) for size in kernel)
        if kind == "max":
            return nn.MaxPool2d(kernel, draw(sides(1, 2)), padding, ceil_mode=ceil)
        counts = draw(st.booleans())
        return nn.AvgPool2d(kernel, draw(sides(1, 2)), padding, ceil, count_include_pad=counts)
    if kind == "norm":
        norm = nn.BatchNorm2d(channels)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        return norm
    if kind == "linear":
        matrix = nn.Linear(channels, channels)
        return Function(lambda x: matrix(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    return Function(draw(st.sampled_from(ACTIVATIONS)))


@st.composite
def nets(draw):
    """(net, images): up to seven stages and a head; images are not square."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    given = draw(st.sampled_from([1, 2, 3]))
    images = torch.randn(
        draw(st.integers(1, 3)), given, draw(st.integers(9, 16)), draw(st.integers(9, 16))
    )
    images = draw(st.sampled_from([as_it_is, channels_last]))(images.double())
    stages = [nn.Conv2d(given, 4, 3, padding=1).double()]
    for _ in range(draw(st.integers(1, 6))):
        with torch.no_grad():
            entered = nn.Sequential(*stages)(images)
        way = draw(st.sampled_from(["plain", "plain", "skip", "beside"]))
        stage = Stage(draw(operations(entered.shape[1])), way).double().eval()
        if fits(stage, entered):
            stages.append(stage)
    with torch.no_grad():
        size = nn.Sequential(*stages, nn.Flatten())(images).shape[1]
    pooled = draw(st.booleans())
    channels = nn.Sequential(*stages)(images).shape[1]
    head = (
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)]
        if pooled
        else [nn.Flatten(), nn.Linear(size, 3)]
    )
    return nn.Sequential(*stages, *(layer.double() for layer in head)).eval(), images


def fits(stage, entered):
    """Whether torch accepts the map, leaves one to go on with, and gives finite numbers."""
    try:
        with torch.no_grad():
            output = stage(entered)
        large = min(output.shape[2:], default=0) >= 3 and output.shape[1] % 2 == 0
        return large and output.dim() == 4 and bool(output.isfinite().all())
    except (RuntimeError, ValueError):
        return False


EXAMPLES = int(os.environ.get("RANDOM_NETS", "120"))


@settings(max_examples=EXAMPLES, deadline=None, derandomize="RANDOM_NETS" not in os.environ)
@given(
    case=nets(),
    size=sides(1, 6),
    shares=sides(1, 3),
    most=st.sampled_from([None, 1, 5]),
    fill=st.sampled_from(["number", "tensor"]),
)
def test_a_random_net_gives_the_same_as_one_forward_pass_a_window(case, size, shares, most, fill):
    net, images = case
    channels = images.shape[1]
    strides = tuple(max(1, side // share) for side, share in zip(size, shares, strict=True))
    size, strides = (channels, *size), (channels, *strides)
    baseline = 0.5 if fill == "number" else torch.randn_like(images)
    method = cdn.Occlusion(net, method="incremental")
    found = method.attribute(images, size, strides, baseline, target=1, perturbations_per_eval=most)
    right = occluded.occlusion(net, images, size, strides, baseline, 1)
    assert found.dtype == torch.float64
    assert method.report.method == "incremental"
    assert float((found - right).abs().max()) <= 1e-10 * max(1.0, float(right.abs().max()))


def test_a_view_of_all_of_a_picture_beside_the_picture_itself():
    """Instance norm sees (1, N * C, H, W): the picture as it is, if there is one; a random find."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), Stage(F.instance_norm, "skip"), nn.Conv2d(4, 4, 3),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3),
    ).double().eval()  # fmt: skip
    image = torch.randn(1, 2, 9, 10).double()
    found = cdn.Occlusion(net, method="incremental").attribute(image, (2, 2, 3), (2, 2, 2), 0, 1)
    right = occluded.occlusion(net, image, (2, 2, 3), (2, 2, 2), 0, 1)
    torch.testing.assert_close(found, right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", ACTIVATIONS, ids=range(len(ACTIVATIONS)))
def test_every_operation_by_itself_between_two_filters(function):
    """So that each row of the table runs, whatever hypothesis draws."""
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), Function(function), nn.Conv2d(4, 4, 3),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(16, 3),
    ).double().eval()  # fmt: skip
    images = torch.randn(2, 2, 15, 18).double()
    found = cdn.Occlusion(net, method="incremental").attribute(
        images, (2, 4, 4), (2, 3, 4), target=2
    )
    right = occluded.occlusion(net, images, (2, 4, 4), (2, 3, 4), 0.0, 2)
    assert occluded.relative_error(found, right) <= 1e-10


@pytest.mark.parametrize("channels", [1, 2, 12])
@pytest.mark.parametrize("padding", [1, "same", "valid"])
@pytest.mark.parametrize("dimensions", [1, 3])
def test_signals_and_volumes(dimensions, padding, channels):
    conv, pool = (getattr(nn, f"{name}{dimensions}d") for name in ("Conv", "MaxPool"))
    net = nn.Sequential(
        conv(channels, 4, 3, padding=padding), nn.ReLU(), pool(2), conv(4, 4, 2), nn.Flatten()
    )
    net = net.double()
    images = torch.randn(2, channels, *[14, 9, 8][:dimensions]).double()
    size, strides = (channels, *[3] * dimensions), (channels, *[2] * dimensions)
    method = cdn.Occlusion(net, method="incremental")
    found = method.attribute(images, size, strides, target=5)
    right = occluded.occlusion(net, images, size, strides, 0.0, 5)
    assert occluded.relative_error(found, right) <= 1e-10
