from __future__ import annotations

import pytest
import torch
from explained import bound, conv_net, given

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.localisation import LocalisationBenchmark


def point(row, column, side=224):
    maps = torch.zeros(1, 1, side, side)
    maps[0, 0, row, column] = 1
    return maps


def scores(maps, regions, **choices):
    inputs = torch.zeros(len(maps), 3, *maps.shape[2:])
    return LocalisationBenchmark(conv_net(), **choices).evaluate(
        bound(conv_net(), given(maps)),
        inputs,
        torch.zeros(len(maps), dtype=torch.long),
        regions=regions,
    )


@pytest.fixture
def corner():
    regions = torch.zeros(1, 224, 224, dtype=torch.bool)
    regions[:, :101, :101] = True
    return regions


@pytest.mark.parametrize(
    ("row", "column", "hit"),
    [(114, 100, 1), (115, 100, 0), (109, 112, 0), (110, 110, 1), (50, 50, 1), (111, 109, 1)],
)
def test_a_point_nearer_than_15_pixels_hits_and_one_at_15_misses(corner, row, column, hit):
    assert scores(point(row, column), corner).values["pointing"].tolist() == [hit]


def test_the_tolerance_shrinks_with_the_image():
    regions = torch.zeros(1, 28, 28, dtype=torch.bool)
    regions[:, :10, :10] = True
    assert scores(point(10, 0, 28), regions).values["pointing"].tolist() == [1]
    assert scores(point(11, 0, 28), regions).values["pointing"].tolist() == [0]


def test_the_mass_of_a_uniform_map_is_the_share_of_the_area(corner):
    found = scores(torch.full((1, 1, 224, 224), 0.3), corner).values
    assert float(found["mass"]) == pytest.approx(101**2 / 224**2)
    assert torch.equal(found["area"], torch.tensor([101**2 / 224**2], dtype=torch.float64))


def test_the_rank_accuracy_is_the_share_of_the_strongest_pixels_inside():
    maps = torch.tensor([[[[4.0, 3.0], [2.0, 1.0]]]])
    inside = torch.tensor([[[True, False], [True, False]]])
    assert scores(maps, inside).values["rank"].tolist() == [0.5]
    assert scores(maps, inside).values["mass"].tolist() == [pytest.approx(0.6)]


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (None, "needs regions"),
        (torch.ones(1, 3, 3, dtype=torch.bool), "expected"),
        (torch.ones(1, 4, 4), "torch.bool"),
        (torch.zeros(1, 4, 4, dtype=torch.bool), "empty"),
    ],
)
def test_regions_that_cannot_be_used_are_refused(regions, said):
    with pytest.raises(errors.ImageError, match=said):
        scores(torch.ones(1, 1, 4, 4), regions)
