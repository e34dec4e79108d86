"""What a model is given under windows lies in memory as the user's tensor does."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.occlusion.incremental.memory_layout import batch_copies

METHODS = ["auto", "incremental", "dense"]
SIDES = {1: (14,), 2: (9, 7), 3: (6, 5, 4), 0: ()}


def as_it_is(x):
    return x


def channels_last(x):
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if x.dim() > 1 else x


def from_numpy_pictures(x):
    """(H, W, C), as pictures are read, moved and given a batch dimension of their own."""
    return torch.stack([channels_last(one[None])[0] for one in x]) if len(x) > 1 else (
        channels_last(x)[0][None]
    )  # fmt: skip


def batch_inside(x):
    return x.transpose(0, 1).contiguous().transpose(0, 1)


def with_gaps(x):
    return torch.cat([x, x], -1)[..., : x.shape[-1]]


def expanded(x):
    return x[:1].expand(x.shape)


def expanded_channels(x):
    return x[:, :1].expand(x.shape)


LAYOUTS = [
    as_it_is, channels_last, from_numpy_pictures, batch_inside, with_gaps, expanded,
    expanded_channels,
]  # fmt: skip


class Probe(nn.Module):
    """Notes how what it is given lies in memory; flattens with ``view`` where the user could."""

    def __init__(self, example):
        super().__init__()
        self.given = []
        self.weight = nn.Parameter(torch.randn(example.shape[1:].numel(), 3))
        try:
            example.view(len(example), -1)
            self.can_view = True
        except RuntimeError:
            self.can_view = False

    def forward(self, x):
        self.given.append((x.stride(), x.dtype, x.device, x.requires_grad))
        flat = x.view(len(x), -1) if self.can_view else x.reshape(len(x), -1)
        return torch.relu(flat @ self.weight)


@st.composite
def pictures(draw):
    torch.manual_seed(draw(st.integers(0, 99)))
    channels, dims = draw(st.sampled_from([1, 2, 3, 4, 12])), draw(st.sampled_from([1, 2, 3]))
    shape = (draw(st.integers(1, 3)), channels, *SIDES[dims])
    return draw(st.sampled_from(LAYOUTS))(torch.randn(shape))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    x=pictures(),
    method=st.sampled_from(METHODS),
    way=st.sampled_from(["module", "method", "function"]),
    share=st.integers(1, 3),
    fill=st.sampled_from([0, 0.5]),
)
def test_a_model_is_given_the_strides_type_and_device_of_the_users_tensor(
    x, method, way, share, fill
):
    net = Probe(x)
    function = {"module": net, "method": net.forward, "function": lambda x: net(x)}[way]
    size = tuple(min(3, side) for side in x.shape[1:])
    strides = tuple(max(1, side // share) for side in size)
    found = cdn.Occlusion(function, method=method).attribute(x, size, strides, fill, target=1)
    given, alone = list(net.given), torch.empty_like(x).stride()
    right = captum.attr.Occlusion(net).attribute(x, size, strides, fill, target=1)
    assert_close(found, right, rtol=1e-4, atol=1e-5)
    for stride, dtype, device, needs in given:
        assert (dtype, device, needs) == (x.dtype, x.device, False)
        if alone[0] == x.shape[1:].numel() or len(x) == 1:
            assert stride[1:] == alone[1:]
        else:  # the batch lies inside: the order of the dimensions stays
            assert order(stride, x.shape) == order(alone, x.shape)


def order(strides, shape):
    return sorted((dim for dim in range(len(shape)) if shape[dim] > 1), key=lambda d: -strides[d])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(x=pictures(), count=st.integers(1, 3))
def test_copies_hold_the_pictures_one_copy_after_another(x, count):
    found = batch_copies(x, count)
    assert torch.equal(found, torch.cat([x] * count))
    assert found.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_result_lies_in_memory_as_a_copy_of_the_input_would(layout):
    x = layout(torch.randn(2, 4, 6, 5))
    net = nn.Sequential(nn.Conv2d(4, 3, 3), nn.Flatten(), nn.Linear(36, 2)).eval()
    found = cdn.Occlusion(net).attribute(x, (4, 3, 3), (4, 3, 3), target=1)
    assert found.stride() == torch.empty_like(x).stride()


class Changing(nn.Module):
    """Begins by changing what it is given."""

    def forward(self, x):
        return x.mul_(2).flatten(1).sum(1)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_changes_its_input_in_place_does_not_change_the_users(method):
    x = torch.randn(2, 3, 6, 6)
    before = x.clone()
    found = cdn.Occlusion(Changing(), method=method).attribute(x, (3, 2, 2), (3, 2, 2))
    assert torch.equal(x, before)
    falls = 2 * nn.functional.avg_pool2d(before, 2, divisor_override=1).sum(1, keepdim=True)
    falls = falls.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert_close(found, falls.expand(2, 3, 6, 6), rtol=1e-4, atol=1e-4)


class Two(nn.Module):
    """A one-channel picture beside another input, flattened with ``view``."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(1, 2, 3), nn.Linear(2 * 4 * 5, 3)

    def forward(self, x, shift):
        return self.linear(torch.relu(self.conv(x + shift)).view(-1, 40))


@pytest.mark.parametrize("method", METHODS)
def test_a_one_channel_picture_beside_an_input_that_is_broadcast_to_it(method):
    torch.manual_seed(0)
    net, inputs = Two().eval(), (torch.randn(1, 1, 6, 7), torch.randn(1, 1, 6, 1))
    arguments = {
        "sliding_window_shapes": ((1, 2, 2), (1, 2, 1)), "strides": ((1, 2, 1), (1, 1, 1)),
        "target": 1,
    }  # fmt: skip
    right = captum.attr.Occlusion(net).attribute(inputs, **arguments)
    found = cdn.Occlusion(net, method=method).attribute(inputs, **arguments)
    for one, other in zip(found, right, strict=True):
        assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("inside", [False, True])
def test_inputs_made_in_inference_mode_and_calls_in_it(method, inside):
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).eval()
    with torch.inference_mode():
        x = torch.ones(2, 1, 6, 6)
    arguments = (x, (1, 3, 3), (1, 1, 1), 0.5, 1)
    with torch.inference_mode(inside):
        found = cdn.Occlusion(net, method=method).attribute(*arguments)
    assert_close(found, captum.attr.Occlusion(net).attribute(*arguments), rtol=1e-4, atol=1e-5)
