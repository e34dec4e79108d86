"""Scores of hand-made maps: one that cannot change, one that cannot stay, one half way."""

from __future__ import annotations

import torch
from torch import nn

import captum_deconvnet as cdn


class HandMade(nn.Module):
    """Maps worked out by hand: brightness everywhere, the pixel itself, both, and nothing."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Identity()

    def forward(self, images):
        total = images.sum((2, 3), keepdim=True).expand_as(images)
        return self.maps(torch.cat([total, images, total + images, 0 * images], 1))


def spot():
    picture = torch.zeros(1, 1, 6, 6, dtype=torch.float64)
    picture[0, 0, 2, 3] = 1
    return picture


def scores(values, **options):
    return cdn.FeatureInvariance(HandMade(), "maps").attribute(spot(), values=values, **options)


def test_a_map_of_the_whole_brightness_scores_1_and_one_that_follows_a_spot_scores_0():
    found = scores([-1, 1, 2]).map_scores["maps"][0]
    assert found[0] == 1
    assert found[1].abs() < 1e-15


def test_a_map_that_does_half_of_each_scores_in_between_as_worked_out():
    # A spot of 2 on 35 ones becomes the same elsewhere: 1 - 2 / (2 * (4 + 35)).
    found = scores([-1, 1, 2]).map_scores["maps"][0]
    assert torch.isclose(found[2], torch.tensor(1 - 2 / 78, dtype=torch.float64))


def test_a_silent_map_has_no_score():
    assert scores([1]).map_scores["maps"][0, 3].isnan()


def test_the_identity_does_not_raise_a_score():
    without, with_it = scores([1, 2]), scores([0, 1, 0, 2])
    assert torch.equal(
        without.map_scores["maps"].nan_to_num(), with_it.map_scores["maps"].nan_to_num()
    )


def test_units_are_scored_one_by_one():
    found = scores([-1, 1], units=True).unit_scores["maps"][0]
    assert found.shape == (4, 6, 6)
    assert (found[0] == 1).all()
    assert found[1, 2, 3] == 0  # where the spot was: 1, then 0 and 0
    assert found[1, 3, 3] == 0  # where it goes once
    assert found[1, 0, 0].isnan()
    # With the brightness 1 added: 2, then 1 and 1: 1 - (1 + 1) / (4 + 1 + 4 + 1).
    assert torch.isclose(found[2, 2, 3], torch.tensor(0.8, dtype=torch.float64))


def test_a_map_that_turns_into_its_opposite_scores_0_and_no_less():
    net = nn.Sequential(nn.Identity())
    curves = cdn.FeatureInvariance(net, "0").attribute(
        spot(), transform=lambda images, value: value * images, values=[-1]
    )
    assert curves.map_scores["0"].tolist() == [[0.0]]
    assert curves.distance("0", "cosine").tolist() == [[2.0]]


def test_features_that_vanish_or_appear_have_distances_that_say_so():
    net = nn.Sequential(nn.Identity())
    vanished = cdn.FeatureInvariance(net, "0").attribute(
        spot(), transform=lambda images, value: 0 * images, values=[1]
    )
    assert vanished.distance("0").item() == 1
    assert vanished.distance("0", "cosine").item() == 1
    appeared = cdn.FeatureInvariance(net, "0").attribute(
        0 * spot(), transform=lambda images, value: images + value, values=[1, 0]
    )
    assert appeared.distance("0").tolist() == [[float("inf"), 0.0]]
    assert appeared.distance("0", "cosine").tolist() == [[1.0, 0.0]]
