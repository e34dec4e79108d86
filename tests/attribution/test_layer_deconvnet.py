"""LayerDeconvNet: the same way down, stopped at a hidden layer."""

from __future__ import annotations

import pytest
import reference
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def hand_net():
    """W1 = [[1,-1],[2,1],[-1,1]], ReLU, W2 = [1,-2,3], worked out by hand."""
    lower, upper = nn.Conv2d(2, 3, 1, bias=False).double(), nn.Conv2d(3, 1, 1, bias=False).double()
    lower.weight.data = double([[1, -1], [2, 1], [-1, 1]])[..., None, None]
    upper.weight.data = double([[1, -2, 3]])[..., None, None]
    return nn.Sequential(lower, nn.ReLU(), upper, nn.Flatten())


HAND_IMAGE = double([2.0, 1.0]).view(1, 2, 1, 1)


@pytest.mark.parametrize(
    ("layer", "at_input", "expected"),
    [
        (2, False, [1]),  # the seed itself, at the output of the last convolution
        (2, True, [1, -2, 3]),  # filtered by W2
        (1, False, [1, -2, 3]),  # at the output of the ReLU: not yet rectified
        (1, True, [1, 0, 3]),  # at its input: rectified
        (0, False, [1, 0, 3]),
        (0, True, [-2, 2]),  # the image itself
    ],
)
def test_the_hand_case_at_every_layer(layer, at_input, expected):
    """The net worked out by hand, stopped at a layer."""
    net = hand_net()
    explained = cdn.LayerDeconvNet(net, net[layer])
    stopped = explained.attribute(HAND_IMAGE, 0, attribute_to_layer_input=at_input)
    assert_close(stopped.flatten(), double(expected), **EXACT)


def deep_net():
    torch.manual_seed(8)
    layers = [
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Conv2d(4, 5, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(5, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(27, 4),
    ]
    return nn.Sequential(*layers).double()


def images():
    return torch.randn(2, 2, 8, 8, dtype=torch.float64)


@pytest.mark.parametrize("layer", range(8))
def test_the_signal_at_a_layer_is_the_literal_one(layer):
    """Of the right shape, from the layers above alone."""
    net, batch = deep_net(), images()
    stopped = cdn.LayerDeconvNet(net, net[layer]).attribute(batch, 2)
    above, entered = list(net)[layer + 1 :], net[: layer + 1](batch).detach()
    literal = reference.project(above, entered, reference.one_hot(net(batch), 2)).detach()
    assert stopped.shape == entered.shape
    assert_close(stopped, literal, **EXACT)


@pytest.mark.parametrize("layer", range(8))
def test_going_on_from_a_layer_by_hand_arrives_where_the_whole_way_does(layer):
    """Composition: the layers below, sent back literally from the stopped signal."""
    net, batch = deep_net(), images()
    stopped = cdn.LayerDeconvNet(net, net[layer]).attribute(batch, 2)
    below = reference.project(list(net)[: layer + 1], batch, stopped).detach()
    assert_close(below, cdn.DeconvNet(net).attribute(batch, 2), **EXACT)


@pytest.mark.parametrize("layer", [2, 5])
def test_input_and_output_of_neighbouring_layers_are_the_same_place(layer):
    net, batch = deep_net(), images()
    at_output = cdn.LayerDeconvNet(net, net[layer]).attribute(batch, 1)
    above = cdn.LayerDeconvNet(net, net[layer + 1])
    at_input = above.attribute(batch, 1, attribute_to_layer_input=True)
    assert_close(at_output, at_input, **EXACT)


def test_a_recorded_unit_completes_a_layer_attribution():
    """Where nothing rectifies in between, the signal is a sum of the units it sits on."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(27, 4)
    ).double()
    batch = images()[:1]
    stopped = cdn.LayerDeconvNet(net, net[0]).attribute(batch, 2)
    recording = cdn.record(net, batch, "0")
    places = stopped[0].nonzero().tolist()
    units = [cdn.Unit(0, "0", *place) for place in places]
    projections = recording.project(units, seed=1.0)
    values = double([float(stopped[0][tuple(place)]) for place in places])
    total = (values.view(-1, 1, 1, 1) * projections).sum(dim=0, keepdim=True)
    assert_close(total, cdn.DeconvNet(net).attribute(batch, 2), **EXACT)


def test_a_layer_after_an_in_place_relu_is_stopped_before_it():
    """The convolution's own output, though the ReLU overwrites it."""
    net, batch = deep_net(), images()
    expected = cdn.LayerDeconvNet(net, net[3]).attribute(batch, 2)
    net[4] = nn.ReLU(inplace=True)
    assert_close(cdn.LayerDeconvNet(net, net[3]).attribute(batch, 2), expected, **EXACT)


def test_targets_may_differ_by_image():
    net, batch = deep_net(), images()
    explained = cdn.LayerDeconvNet(net, net[2])
    together = explained.attribute(batch, [3, 1])
    for k, target in enumerate([3, 1]):
        alone = explained.attribute(batch[k : k + 1], target)
        assert_close(together[k : k + 1], alone, **EXACT)


def test_extra_arguments_reach_the_model():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = deep_net()

        def forward(self, x, scale):
            return self.body(x) * scale

    net, batch = Scaled(), images()
    explained = cdn.LayerDeconvNet(net, net.body[2])
    single = explained.attribute(batch, 2, 1.0)
    assert_close(explained.attribute(batch, 2, 3.0), 3 * single, **EXACT)


def test_a_layer_the_output_does_not_depend_on_gets_a_zero_signal():
    class Side(nn.Module):
        def __init__(self):
            super().__init__()
            self.main, self.side = nn.Conv2d(2, 3, 3).double(), nn.Conv2d(2, 3, 3).double()

        def forward(self, x):
            self.side(x)
            return self.main(x).mean((2, 3))

    net, batch = Side(), images()
    stopped = cdn.LayerDeconvNet(net, net.side).attribute(batch, 1)
    assert stopped.shape == (2, 3, 6, 6)
    assert not stopped.any()
