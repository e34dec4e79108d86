"""Fig. 6 in numbers: measures with known answers, pictures against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from captum_deconvnet_zfnet.architecture import ALEXNET, COMPACT, ZFNET
from captum_deconvnet_zfnet.filters.comparison import filter_pictures
from captum_deconvnet_zfnet.filters.measures import (
    aliasing,
    filter_rms,
    measure,
    spectral_centroid,
    spectrum,
)
from captum_deconvnet_zfnet.network import build


def wave(frequency, side=64):
    """A filter that is one wave across, in cycles a pixel."""
    return torch.cos(2 * torch.pi * frequency * torch.arange(side)).expand(1, 1, side, side)


@pytest.mark.parametrize("frequency", [0.0625, 0.125, 0.25, 0.375])
def test_the_centroid_of_a_wave_is_its_frequency(frequency):
    assert spectral_centroid(wave(frequency)) == pytest.approx(frequency, abs=1e-6)


@pytest.mark.parametrize(("stride", "lost"), [(1, 0), (2, 0), (3, 1), (4, 1)])
def test_a_stride_loses_the_frequencies_above_half_a_cycle_a_step(stride, lost):
    """0.2 cycles a pixel are seen by a stride of 2, up to 0.25, and not by one of 3, up to 0.17."""
    assert aliasing(wave(0.203125), stride) == pytest.approx(lost, abs=1e-6)


def test_white_filters_lose_what_white_noise_loses():
    """A single pixel has all frequencies alike: 2 in 4 an axis are seen with stride 2."""
    pixel = torch.zeros(1, 1, 7, 7)
    pixel[0, 0, 3, 3] = 1
    assert aliasing(pixel, 2) == pytest.approx(1 - (33 / 64) ** 2, abs=1e-6)
    assert aliasing(pixel, 4) == pytest.approx(1 - (17 / 64) ** 2, abs=1e-6)


def test_the_spectrum_keeps_the_energy():
    weight = torch.randn(5, 3, 7, 7)
    assert float(spectrum(weight).mean()) == pytest.approx(float(weight.square().sum()), rel=1e-5)


def test_rms_and_spread_are_those_of_the_filters():
    net = build(COMPACT, 10, 1).eval()
    weight = net.layer1.conv.weight
    weight.data.copy_(torch.ones_like(weight) * torch.arange(1, 25).view(-1, 1, 1, 1))
    assert filter_rms(weight.detach()).tolist() == pytest.approx(list(range(1, 25)))
    found = measure(net, "layer1", None)
    assert (found.median_rms, found.spread) == (12, 2)
    assert (found.filters, found.kernel, found.stride, found.dead) == (24, 5, 1, None)


def test_dead_filters_are_counted():
    net = build(COMPACT, 10, 1).eval()
    nn.init.constant_(net.layer2.conv.bias, 1.0)
    nn.init.zeros_(net.layer2.conv.weight)
    net.layer2.conv.bias.data[:12] = -1.0
    assert measure(net, "layer2", torch.rand(3, 1, 28, 28)).dead == 0.25


@pytest.mark.parametrize("architecture", [ZFNET, ALEXNET, COMPACT])
def test_a_layer_2_picture_is_the_sum_of_layer_1_filters(architecture):
    net = build(architecture, 2).eval()
    first, second = net.layer1.conv, net.layer2.conv
    picture = filter_pictures(net, "layer2")[3].detach()
    step, kernel = 2 * first.stride[0], first.weight.shape[-1]
    expected = torch.zeros_like(picture)
    for channel in range(first.weight.shape[0]):
        for row in range(5):
            for column in range(5):
                place = expected[:, row * step :, column * step :][:, :kernel, :kernel]
                place += (second.weight[3, channel, row, column] * first.weight[channel]).detach()
    torch.testing.assert_close(picture, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(filter_pictures(net, "layer1"), first.weight)


def test_the_command_compares_nets_and_draws_them(deconvnet, fails, tmp_path, striped_clothes):
    out = tmp_path / "filters.png"
    models = ("zfnet/compact=random", "zfnet/fashion_mnist")
    result = deconvnet("filters", *models, "--data", striped_clothes, "--out", out)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[:2] for row in rows[1:]] == [
        [model, layer] for model in ("zfnet/compact", "zfnet/fashion_mnist")
        for layer in ("layer1", "layer2")
    ]  # fmt: skip
    with Image.open(out) as figure:
        assert np.asarray(figure).std() > 10
    assert "model of this plugin 'torchvision/alexnet'" in fails("filters", "torchvision/alexnet")
