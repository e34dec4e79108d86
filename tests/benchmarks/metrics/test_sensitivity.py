from __future__ import annotations

import math

import pytest
import torch
from explained import LinearNet, bound, gradient
from torch import nn

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.sensitivity import MaxSensitivityBenchmark


class HalfSquare(nn.Module):
    """Half the squared length of an image, whose gradient is the image."""

    def forward(self, inputs):
        return inputs.square().flatten(1).sum(1, keepdim=True) / 2


def scores(model, inputs, explainer=gradient, **choices):
    target = torch.zeros(len(inputs), dtype=torch.long)
    return MaxSensitivityBenchmark(model, **choices).evaluate(
        bound(model, explainer), inputs, target
    )


def test_the_gradient_of_a_linear_net_does_not_move():
    found = scores(LinearNet(torch.randn(1, 1, 4, 4)), torch.rand(2, 1, 4, 4))
    assert found.values["max_sensitivity"].tolist() == [0, 0]


def test_a_corner_moves_the_gradient_of_half_the_square_by_r_root_n():
    inputs = torch.rand(3, 2, 5, 5, dtype=torch.float64)
    found = scores(HalfSquare(), inputs, radius=0.1, samples=4, draw="corners")
    expected = [0.1 * math.sqrt(50) / float(image.norm()) for image in inputs]
    assert found.values["max_sensitivity"].tolist() == pytest.approx(expected, abs=1e-8)
    assert found.values["mean_sensitivity"].tolist() == pytest.approx(expected, abs=1e-8)


def test_disturbances_stay_in_the_cube():
    seen = []

    def explainer(model, inputs, target, seeds):
        seen.append(inputs)
        return inputs

    inputs = torch.rand(1, 1, 6, 6)
    scores(HalfSquare(), inputs, explainer, radius=0.3, samples=6)
    moved = (seen[0] - inputs).abs()
    assert moved[0].max() == 0
    assert moved.max() <= 0.3 + 1e-6
    assert moved.max() > 0.2


def test_a_random_map_does_not_pass_for_a_steady_one():
    def explainer(model, inputs, target, seeds):
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return torch.stack([torch.rand(inputs.shape[1:], generator=g) for g in generators])

    found = scores(HalfSquare(), torch.rand(1, 1, 6, 6), explainer)
    assert float(found.values["max_sensitivity"]) > 0.3


def test_no_samples_are_refused():
    with pytest.raises(errors.ModelError, match="1 or more"):
        MaxSensitivityBenchmark(HalfSquare(), samples=0)
