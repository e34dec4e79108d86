from __future__ import annotations

import pytest
import torch
from explained import bound, conv_net, gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.road import RoadBenchmark, imputed


def ramp(height, width):
    """A picture that rises evenly in both directions, differently in each of two channels."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([2.0 * rows + columns, 3.0 * columns - rows]).double()


def test_one_missing_pixel_is_the_weighted_mean_of_its_neighbours():
    image = torch.rand(3, 5, 5)
    missing = torch.zeros(5, 5, dtype=torch.bool)
    missing[2, 1] = True
    edges = image[:, 1, 1] + image[:, 3, 1] + image[:, 2, 0] + image[:, 2, 2]
    corners = image[:, 1, 0] + image[:, 1, 2] + image[:, 3, 0] + image[:, 3, 2]
    assert torch.allclose(imputed(image, missing)[:, 2, 1], edges / 6 + corners / 12)


def test_the_neighbours_of_a_missing_corner_count_more():
    image = torch.rand(1, 4, 4)
    missing = torch.zeros(4, 4, dtype=torch.bool)
    missing[0, 0] = True
    expected = (2 * image[0, 0, 1] + 2 * image[0, 1, 0] + image[0, 1, 1]) / 5
    assert float(imputed(image, missing)[0, 0, 0]) == pytest.approx(float(expected))


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 9), st.integers(3, 9), st.data())
def test_a_ramp_is_left_as_it_is_by_any_hole_inside(height, width, data):
    inside = [(r, c) for r in range(1, height - 1) for c in range(1, width - 1)]
    missing = torch.zeros(height, width, dtype=torch.bool)
    for place in data.draw(st.lists(st.sampled_from(inside), unique=True)):
        missing[place] = True
    image = ramp(height, width)
    assert torch.allclose(imputed(image, missing), image, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_every_imputed_pixel_obeys_its_equation(seed):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 6, 7, generator=generator, dtype=torch.float64)
    missing = torch.rand(6, 7, generator=generator) < 0.6
    missing[0, 0] = False
    found = imputed(image, missing)[0]
    assert torch.equal(found[~missing], image[0][~missing])
    for row, column in missing.nonzero().tolist():
        total = weight = 0.0
        for r in range(max(row - 1, 0), min(row + 2, 6)):
            for c in range(max(column - 1, 0), min(column + 2, 7)):
                if (r, c) != (row, column):
                    share = 1 / 6 if r == row or c == column else 1 / 12
                    total, weight = total + share * float(found[r, c]), weight + share
        assert float(found[row, column]) == pytest.approx(total / weight, abs=1e-9)


def test_nothing_missing_is_nothing_changed():
    image = torch.rand(1, 4, 4)
    assert torch.equal(imputed(image, torch.zeros(4, 4, dtype=torch.bool)), image)


def test_curves_are_flat_on_a_ramp_and_the_score_is_nought():
    """The map is weakest and strongest inside, so that holes lie inside in both directions."""
    inputs, model = ramp(12, 12)[None].float() / 30, conv_net(2)
    model = torch.nn.Sequential(torch.nn.Upsample(16), *model)
    maps = torch.zeros(1, 1, 12, 12)
    maps[..., 2:5, 2:10], maps[..., 7:10, 2:10] = 1.0, -1.0
    benchmark = RoadBenchmark(model, shares=[0.05, 0.15], noise=0.0, output="logit")
    explainer = bound(model, lambda *_: maps)
    target = torch.tensor([2])
    found = benchmark.evaluate(explainer, inputs, target)
    clean = float(model(inputs)[0, 2].detach())
    for curve in found.curves.values():
        assert curve.y.flatten().tolist() == pytest.approx([clean] * 2, abs=1e-4)
    assert float(found.values["road"]) == pytest.approx(0, abs=1e-4)


def test_the_right_pixels_are_taken_in_both_directions():
    inputs, model = torch.rand(1, 3, 16, 16), conv_net()
    maps = torch.rand(1, 1, 16, 16)
    benchmark = RoadBenchmark(model, shares=[0.25], noise=0.0)
    target = torch.tensor([1])
    found = benchmark.evaluate(bound(model, lambda *_: maps), inputs, target)
    for name, sign in (("most_relevant_first", 1), ("least_relevant_first", -1)):
        missing = torch.zeros(256, dtype=torch.bool)
        missing[(sign * maps).flatten().topk(64).indices] = True
        image = imputed(inputs[0], missing.view(16, 16))[None]
        expected = torch.softmax(model(image), 1)[0, 1].detach()
        assert float(found.values[name]) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("shares", [[], [0.5, 1.0], [0.0]])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(errors.ModelError, match="between 0 and 1"):
        RoadBenchmark(conv_net(), shares=shares)


def test_noise_belongs_to_the_image():
    inputs, model = torch.rand(2, 3, 16, 16), conv_net()
    benchmark, explainer = RoadBenchmark(model, noise=0.3), bound(model, gradient)
    target = torch.tensor([1, 1])
    first = benchmark.evaluate(explainer, inputs, target, seeds=[1, 2]).values["road"]
    other = benchmark.evaluate(explainer, inputs.flip(0), target, seeds=[2, 1]).values["road"]
    assert torch.equal(first, other.flip(0))
