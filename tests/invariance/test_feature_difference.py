"""The projection of f(Tx) - f(x), against closed forms and Captum's own tools."""

from __future__ import annotations

import pytest
import torch
from captum.attr import NoiseTunnel
from torch import nn
from torch.nn import functional as F

import captum_deconvnet as cdn
from captum_deconvnet.errors import NonFiniteError, TransformError, UnitError


def images(count=2, size=12):
    return torch.rand(count, 3, size, size, dtype=torch.float64)


def down(batch, rows):
    return F.pad(batch, (0, 0, rows, 0))[..., :-rows, :]


def test_for_a_linear_net_it_is_the_adjoint_of_w_times_tx_minus_x():
    weight = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    net = nn.Sequential(nn.Conv2d(3, 5, 3, bias=False)).double()
    net[0].weight.data = weight
    batch = images()
    found = cdn.FeatureDifference(net, "0", value=2).attribute(batch)
    change = F.conv2d(down(batch, 2) - batch, weight)
    assert torch.allclose(found, F.conv_transpose2d(change, weight), atol=1e-12)


def test_what_appears_and_what_vanishes_have_the_switches_of_their_own_image():
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.MaxPool2d(2)).double()
    nn.init.ones_(net[0].weight)
    picture = torch.zeros(1, 1, 6, 6, dtype=torch.float64)
    picture[0, 0, 1, 2] = 3
    found = cdn.FeatureDifference(net, "1", value=3).attribute(picture)
    expected = torch.zeros_like(picture)
    expected[0, 0, 1, 2], expected[0, 0, 4, 2] = -3, 3
    assert torch.equal(found, expected)


def test_an_invariant_layer_has_no_structure_that_breaks_it():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)).double()
    batch = F.pad(images(), (0, 0, 4, 4))
    net[0].bias.data.zero_()
    found = cdn.FeatureDifference(net, "2", value=4).attribute(batch)
    assert found.abs().max() < 1e-12


def test_one_channel_is_that_channels_part():
    net = nn.Sequential(nn.Conv2d(3, 4, 3)).double()
    batch = images()
    each = [
        cdn.FeatureDifference(net, "0", "rotation", 30, channel=channel).attribute(batch)
        for channel in range(4)
    ]
    whole = cdn.FeatureDifference(net, net[0], "rotation", 30).attribute(batch)
    assert torch.allclose(sum(each), whole, atol=1e-12)


def test_it_stands_under_captums_noise_tunnel():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).double()
    batch = images()
    plain = cdn.FeatureDifference(net, "1", "scale", 1.5)
    tunnelled = NoiseTunnel(plain).attribute(batch, nt_samples=3, stdevs=0.0)
    assert torch.allclose(tunnelled, plain.attribute(batch), atol=1e-12)


def test_images_do_not_mix():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)).double()
    batch = images(3)
    difference = cdn.FeatureDifference(net, "2", value=3)
    alone = torch.cat([difference.attribute(batch[n : n + 1]) for n in range(3)])
    assert torch.allclose(difference.attribute(batch), alone, atol=1e-12)


def test_bad_input_is_refused():
    net = nn.Sequential(nn.Conv2d(3, 4, 3)).double()
    with pytest.raises(TransformError, match="changes nothing"):
        cdn.FeatureDifference(net, "0", "rotation", 360).attribute(images())
    with pytest.raises(TransformError, match="smaller than the image"):
        cdn.FeatureDifference(net, "0", value=12).attribute(images())
    with pytest.raises(UnitError, match="0 to 3"):
        cdn.FeatureDifference(net, "0", value=2, channel=4).attribute(images())
    with pytest.raises(NonFiniteError):
        cdn.FeatureDifference(net, "0", value=2).attribute(images() * float("inf"))
