"""Which output is occluded for: one number an image, or a clear word before anything is run."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import ModelError, TargetError

WINDOW, STRIDES = (3, 4, 4), (3, 2, 2)
SEGMENTATION = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 1)).eval()


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
@pytest.mark.parametrize("target", [4, (4,), (4, 3), torch.tensor(4), [(4,), (2,)], None])
def test_a_target_that_picks_a_map_is_refused_before_any_window_is_run(method, target):
    with pytest.raises(TargetError, match=r"target.*\(class, row, column\)"):
        cdn.Occlusion(SEGMENTATION, method=method).attribute(
            torch.randn(2, 3, 12, 12), WINDOW, STRIDES, target=target
        )


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
@pytest.mark.parametrize("target", [(4, 3, 2), [(4, 3, 2), (1, 0, 11)]])
def test_a_target_that_picks_a_place_gives_the_shape_of_the_input(method, target):
    x = torch.randn(2, 3, 12, 12)
    found = cdn.Occlusion(SEGMENTATION, method=method).attribute(x, WINDOW, STRIDES, target=target)
    right = captum.attr.Occlusion(SEGMENTATION).attribute(x, WINDOW, STRIDES, target=target)
    assert_close(found, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
@pytest.mark.parametrize(
    "target", [9, -9, (0, 0), [1, 2, 3], [0, 9], torch.tensor([0, 1, 1]), "cat", 1.5]
)
def test_a_target_that_the_output_does_not_have_is_named(method, target):
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(200, 3)).eval()
    with pytest.raises(TargetError, match="does not fit the model's output"):
        cdn.Occlusion(net, method=method).attribute(
            torch.randn(2, 3, 12, 12), WINDOW, STRIDES, target=target
        )


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
@pytest.mark.parametrize(
    "function", [lambda y: y[:, 0], lambda y: y[:, :1], lambda y: y[:, 1:].sum(1)]
)
def test_regression_needs_no_target(method, function):
    class Regression(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return function(self.conv(x).mean((2, 3)))

    net, x = Regression().eval(), torch.randn(2, 3, 12, 12)
    found = cdn.Occlusion(net, method=method).attribute(x, WINDOW, STRIDES)
    right = captum.attr.Occlusion(net).attribute(x, WINDOW, STRIDES)
    assert found.shape == x.shape
    assert_close(found, right, rtol=1e-4, atol=1e-6)


def test_occlusion_sensitivity_refuses_maps_and_targets_that_are_not_there():
    x = torch.randn(2, 3, 12, 12)
    with pytest.raises(ModelError, match=r"\(2, 5, 12, 12\).*one number a class"):
        cdn.OcclusionSensitivity(SEGMENTATION).attribute(x, 4, window=4, stride=2)
    net = nn.Sequential(SEGMENTATION, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for target in (5, -1, [1, 2, 3], 1.5):
        with pytest.raises(TargetError, match="target"):
            cdn.OcclusionSensitivity(net).attribute(x, target, window=4, stride=2)
