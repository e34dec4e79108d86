from __future__ import annotations

import pytest
import torch
from explained import bound, conv_net, given, gradient
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.invariance import InvarianceBenchmark


@pytest.fixture
def circular():
    """A net that does not see where things are, in a world without edges."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    ).double()


def roll(images, value):
    return images.roll(int(value), -1)


def scores(model, inputs, explainer, **choices):
    target = torch.zeros(len(inputs), dtype=torch.long)
    benchmark = InvarianceBenchmark(model, **choices)
    return benchmark.evaluate(bound(model, explainer), inputs, target)


def deconvnet(model, inputs, target, seeds):
    return cdn.DeconvNet(model).attribute(inputs, target=target)


def guided(model, inputs, target, seeds):
    return cdn.DeconvNet(model, relu="guided").attribute(inputs, target=target)


@pytest.mark.parametrize("explainer", [gradient, deconvnet, guided])
def test_maps_of_a_circular_net_move_with_the_image(circular, explainer):
    inputs = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    choices = {"transform": roll, "values": [1, 3, 5], "similarity": "cosine"}
    found = scores(circular, inputs, explainer, **choices)
    assert found.values["equivariance"].tolist() == pytest.approx([1, 1], abs=1e-10)
    assert found.values["surviving"].tolist() == [1, 1]
    assert explainer is deconvnet or (found.values["invariance"] < 0.99).all()


def test_features_of_a_circular_net_move_in_the_first_layer_and_stay_in_the_last(circular):
    inputs = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    found = scores(circular, inputs, gradient, layers=["0", "4"], transform=roll, values=[0, 2])
    first, last = found.curves["features of 0"].y, found.curves["features of 4"].y
    assert first[:, 0].tolist() == [0, 0]
    assert (first[:, 1] > 0.1).all()
    assert last.abs().max() < 1e-7


def test_a_stored_map_does_not_move_with_the_image(circular):
    maps = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    found = scores(circular, torch.rand(1, 1, 8, 8).double(), given(maps), values=[2])
    assert float(found.values["invariance"]) == pytest.approx(1)
    assert float(found.values["equivariance"]) < 0.9


def test_pixels_that_come_in_from_outside_do_not_count(circular):
    """An explainer that sees each pixel alone moves with the image, wherever both are known."""
    inputs = torch.rand(1, 1, 8, 8).double()
    found = scores(circular, inputs, lambda model, x, *_: x**2 + 1, values=[-3, 0, 4], fill=9.0)
    assert found.curves["equivariance"].y.tolist()[0] == pytest.approx([1, 1, 1])


def test_versions_whose_class_changes_do_not_count():
    def sign(images):
        total = images.flatten(1).sum(1, keepdim=True)
        return torch.cat([total, -total], 1)

    class Sign(nn.Module):
        def forward(self, images):
            return sign(images)

    inputs = torch.rand(1, 1, 4, 4)
    found = scores(
        Sign(), inputs, lambda model, x, *_: x, transform=lambda x, v: x * v, values=[-1, 2]
    )
    assert found.values["surviving"].tolist() == [0.5]
    assert torch.isnan(found.curves["equivariance"].y).tolist() == [[True, False]]
    assert float(found.values["equivariance"]) == pytest.approx(1)


def test_a_change_of_brightness_moves_no_pixels(circular):
    choices = {"transform": "brightness", "values": [0.1]}
    inputs = torch.rand(1, 1, 8, 8).double()
    found = scores(circular, inputs, lambda model, x, *_: x, **choices)
    assert float(found.values["equivariance"]) == float(found.values["invariance"])


def test_shifts_are_in_proportion_to_the_image():
    inputs = torch.rand(1, 3, 16, 16)
    curve = scores(conv_net(), inputs, gradient).curves["equivariance"]
    assert curve.x.tolist() == [-2, -1, 1, 2]


def test_a_transform_without_values_is_refused():
    with pytest.raises(errors.TransformError, match="values"):
        InvarianceBenchmark(conv_net(), transform=roll)
