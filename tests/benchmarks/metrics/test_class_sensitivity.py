from __future__ import annotations

import pytest
import torch
from explained import LinearNet, bound, conv_net, given, gradient

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.class_sensitivity import (
    ClassSensitivityBenchmark,
    other_classes,
)


def similarity(weights, name, explainer=gradient):
    """Of class 0 to class 1 of a linear net of two classes."""
    model = LinearNet(weights)
    found = ClassSensitivityBenchmark(model).evaluate(
        bound(model, explainer), torch.ones(1, *weights.shape[1:]), torch.tensor([0])
    )
    return float(found.values[f"{name}_least_likely"])


@pytest.fixture
def weights():
    return torch.randn(1, 1, 8, 8)


@pytest.mark.parametrize("name", ["spearman", "cosine", "ssim"])
def test_proportional_classes_are_alike(weights, name):
    assert similarity(torch.cat([weights, 3 * weights]), name) == pytest.approx(1)


@pytest.mark.parametrize("name", ["spearman", "cosine"])
def test_opposed_classes_are_opposed(weights, name):
    assert similarity(torch.cat([weights, -2 * weights]), name) == pytest.approx(-1)


def test_classes_that_share_no_pixel_have_cosine_0():
    halves = torch.zeros(2, 1, 4, 4)
    halves[0, :, :2], halves[1, :, 2:] = 1.0, 2.0
    assert similarity(halves, "cosine") == 0


def test_a_map_that_ignores_the_class_is_like_itself(weights):
    maps = torch.rand(1, 1, 8, 8)
    assert similarity(torch.randn(2, 1, 8, 8), "spearman", given(maps)) == pytest.approx(1)


def test_the_other_classes_are_the_least_the_likeliest_and_a_drawn_one():
    scores = torch.tensor([[0.0, 3.0, 1.0, 2.0], [5.0, 1.0, 0.0, 4.0]])
    found = other_classes(scores, torch.tensor([0, 2]), [11, 12])
    assert found[:, :2].tolist() == [[2, 1], [1, 0]]
    assert (found != torch.tensor([[0], [2]])).all()


def test_every_other_class_can_be_drawn():
    scores = torch.zeros(200, 4)
    drawn = other_classes(scores, torch.ones(200, dtype=torch.long), list(range(200)))[:, 2]
    assert set(drawn.tolist()) == {0, 2, 3}


def test_a_net_of_one_class_is_refused():
    with pytest.raises(errors.TargetError, match="1 class"):
        similarity(torch.ones(1, 1, 4, 4), "cosine")


def test_an_image_is_scored_alike_alone_and_among_others():
    model, inputs, target = conv_net(), torch.rand(4, 3, 16, 16), torch.arange(4)
    benchmark, explainer = ClassSensitivityBenchmark(model), bound(model, gradient)
    together = benchmark.evaluate(explainer, inputs, target, seeds=[7, 8, 9, 10])
    alone = benchmark.evaluate(explainer, inputs[2:3], target[2:3], seeds=[9])
    for name, values in together.values.items():
        assert torch.equal(values[2:3], alone.values[name])
