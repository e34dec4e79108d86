from __future__ import annotations

import pytest
import torch
from explained import LinearNet, bound, conv_net, given, gradient, gradient_by_input

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.deletion import DeletionInsertionBenchmark


@pytest.fixture
def four():
    """A net that adds four pixels, whose contributions are 4, 3, 2, 1."""
    return LinearNet(torch.ones(1, 1, 2, 2)), torch.tensor([[[[1.0, 4.0], [2.0, 3.0]]]])


def areas(model, inputs, explainer, **choices):
    choices = {"steps": 4, "insertion": "zero", "output": "logit"} | choices
    return DeletionInsertionBenchmark(model, **choices).evaluate(
        bound(model, explainer), inputs, torch.zeros(len(inputs), dtype=torch.long)
    )


def test_contributions_4_3_2_1_have_the_areas_3_75_and_6_25(four):
    scores = areas(*four, gradient_by_input)
    assert scores.curves["deletion"].y.tolist() == [[10, 6, 3, 1, 0]]
    assert scores.curves["insertion"].y.tolist() == [[0, 4, 7, 9, 10]]
    assert scores.values["deletion"].tolist() == [3.75]
    assert scores.values["insertion"].tolist() == [6.25]
    assert scores.values["insertion_minus_deletion"].tolist() == [2.5]


def test_deletion_alone_has_the_same_curve(four):
    scores = areas(*four, gradient_by_input, insertion=None)
    assert list(scores.values) == ["deletion", "tied"]
    assert scores.curves["deletion"].y.tolist() == [[10, 6, 3, 1, 0]]


def test_equal_contributions_have_half_the_output_as_area_in_every_order():
    model, inputs = LinearNet(torch.ones(1, 1, 2, 2)), torch.ones(2, 1, 2, 2)
    maps = torch.rand(2, 1, 2, 2)
    scores = areas(model, inputs, lambda *_: maps)
    assert scores.values["deletion"].tolist() == [2, 2]


def test_the_share_of_tied_pixels_is_told(four):
    model, inputs = four
    maps = torch.tensor([[[[1.0, 1.0], [2.0, 3.0]]]])
    assert areas(model, inputs, given(maps)).values["tied"].tolist() == [0.5]
    assert areas(model, inputs, gradient).values["tied"].tolist() == [1.0]


def test_ties_are_taken_row_by_row(four):
    scores = areas(*four, gradient)
    assert scores.curves["deletion"].y.tolist() == [[10, 9, 5, 3, 0]]


def test_insertion_starts_at_the_blurred_image_and_ends_at_the_image():
    from torchvision.transforms.functional import gaussian_blur

    model, inputs = conv_net(), torch.rand(2, 3, 224, 224)
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(16), *model)
    target = torch.tensor([1, 3])
    explainer = bound(model, gradient)
    curve = DeletionInsertionBenchmark(model, steps=3).evaluate(explainer, inputs, target)
    blur = torch.softmax(model(gaussian_blur(inputs, [11, 11], [5.0, 5.0])), 1)
    clean = torch.softmax(model(inputs), 1)
    rows = torch.arange(2)
    found = curve.curves["insertion"].y
    assert torch.allclose(found[:, 0], blur[rows, target].double(), atol=1e-6)
    assert torch.allclose(found[:, -1], clean[rows, target].double(), atol=1e-6)


def test_an_image_is_scored_alike_alone_and_among_others():
    model, inputs, target = conv_net(), torch.rand(5, 3, 16, 16), torch.arange(5)
    benchmark, explainer = DeletionInsertionBenchmark(model, steps=5), bound(model, gradient)
    maps = gradient(model, inputs, target)
    together = benchmark.evaluate(explainer, inputs, target, attributions=maps)
    for number in range(5):
        one = slice(number, number + 1)
        alone = benchmark.evaluate(explainer, inputs[one], target[one], attributions=maps[one])
        for name, values in together.values.items():
            assert torch.equal(values[one], alone.values[name])


@pytest.mark.parametrize("choice", ["deletion", "insertion"])
def test_an_unknown_baseline_names_its_neighbours(choice):
    with pytest.raises(errors.UnknownNameError, match="zero"):
        DeletionInsertionBenchmark(conv_net(), **{choice: "zeros"})
