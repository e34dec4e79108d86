"""The slow references are themselves right: against autograd, and against each other."""

from __future__ import annotations

import pytest
import reference
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

GEOMETRIES = [
    {"kernel_size": 3, "stride": 1},
    {"kernel_size": (2, 3), "stride": (3, 2), "padding": (1, 0)},
    {"kernel_size": 3, "stride": 2, "padding": 2, "dilation": (1, 2)},
]


def autograd_of(function, image, signal):
    image = image.clone().requires_grad_()
    return torch.autograd.grad(function(image), image, signal)[0]


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_pasting_filters_is_the_gradient_of_a_convolution(geometry, padding_mode):
    conv = nn.Conv2d(4, 6, groups=2, padding_mode=padding_mode, **geometry).double()
    image = torch.randn(2, 4, 7, 8, dtype=torch.float64)
    signal = torch.randn_like(conv(image))
    expected = autograd_of(conv, image, signal)
    assert_close(reference.project([conv], image, signal), expected)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("size", [(7, 8), (13, 6)])
def test_switches_and_averages_are_the_gradients_of_pools(size, ceil_mode):
    image = torch.randn(2, 3, *size, dtype=torch.float64)
    pools = [
        nn.MaxPool2d(3, 2, ceil_mode=ceil_mode),
        nn.MaxPool2d((2, 3), (2, 1), padding=1, dilation=2, ceil_mode=ceil_mode),
        nn.AvgPool2d(3, 2, padding=1, ceil_mode=ceil_mode),
        nn.AvgPool2d(3, 2, padding=1, ceil_mode=ceil_mode, count_include_pad=False),
        nn.AvgPool2d(2, ceil_mode=ceil_mode, divisor_override=3),
        nn.AdaptiveAvgPool2d((3, 4)),
    ]
    for pool in pools:
        signal = torch.randn_like(pool(image))
        assert_close(
            reference.project([pool], image, signal),
            autograd_of(pool, image, signal),
            msg=str(pool),
        )


def test_the_matrix_of_a_linear_layer_is_its_weight():
    layer = nn.Linear(5, 3).double()
    assert_close(reference.matrix(layer, (5,)), layer.weight.detach())


def test_the_literal_chain_and_the_surgery_agree_on_a_whole_net():
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
        reference.Skip(nn.Conv2d(6, 6, 3, padding=1, groups=2), nn.ReLU()),
        reference.Fork(
            [nn.Sequential(nn.Conv2d(6, 4, 1), nn.ReLU()), nn.Sequential(nn.AvgPool2d(1))]
        ),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(40, 5),
    )
    net = net.double().eval()
    net[1].running_mean.normal_()
    net[1].running_var.uniform_(0.5, 2)
    image = torch.randn(2, 3, 10, 11, dtype=torch.float64)
    for target in range(5):
        literal = reference.project(net, image, reference.one_hot(net(image), target))
        assert_close(literal, reference.project_by_surgery(net, image, [target]))


def test_the_surgery_reaches_functional_rectifiers_and_freezes_gates():
    class Functional(nn.Module):
        def forward(self, x):
            return F.relu(x) + torch.relu(-x) + (2 * x).relu()

    image = torch.tensor([[-1.0, 3.0]], dtype=torch.float64)
    # seed 1 through relu(x): 1; through relu(-x): -1; through relu(2x): 2
    assert_close(
        reference.project_by_surgery(Functional(), image, [0]),
        torch.tensor([[2.0, 0.0]], dtype=torch.float64),
    )


def test_the_brute_force_box_of_two_convolutions_is_the_known_one():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(2, 1, 1))
    # size 3 + 2*2 = 7, jump 4, first index -1
    boxes = reference.supports(net, "3", (1, 31, 31), [(0, 0), (1, 2)])
    assert boxes == [(0, 0, 6, 6), (3, 7, 10, 14)]
