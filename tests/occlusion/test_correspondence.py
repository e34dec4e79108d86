"""Table 1's score, by closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import ImageError, InputError
from captum_deconvnet.occlusion.correspondence_scores import distances


def test_alike_changes_have_no_distance_and_opposite_ones_distance_one():
    change = torch.randn(50)
    assert distances(torch.stack([change, 3 * change])) == [0.0, 0.0]
    assert distances(torch.stack([change, -change])) == [1.0, 1.0]


def test_two_of_five_turned_round_make_twelve_of_twenty_pairs_differ():
    change = torch.randn(40)
    found = distances(torch.stack([change, change, change, -change, -change]))
    assert len(found) == 20
    assert sum(found) / 20 == pytest.approx(0.6)


def test_random_signs_differ_in_half_of_the_coordinates():
    found = distances(torch.randn(2, 100_000))
    assert found[0] == pytest.approx(0.5, abs=0.01)


def test_signs_are_three_valued():
    assert distances(torch.tensor([[1.0, 0.0, -2.0, 0.0], [2.0, 0.0, 0.0, 1.0]])) == [0.5, 0.5]


@pytest.fixture
def identity():
    """Features are the pixels, so that changes are known: pixel - fill inside the box, else 0."""
    conv = nn.Conv2d(1, 1, 1, bias=False)
    conv.weight.data.fill_(1.0)
    return nn.Sequential(conv).eval()


def test_the_score_of_known_features_is_worked_out_by_hand(identity):
    """4 of 16 places change: up in image 0, down in image 1, and image 2 is covered elsewhere."""
    images = torch.stack([torch.full((1, 4, 4), value) for value in (1.0, -1.0, 1.0)])
    boxes = {"nose": [cdn.Box(0, 0, 2, 2), cdn.Box(0, 0, 2, 2), cdn.Box(2, 2, 4, 4)]}
    score = cdn.PartCorrespondence(identity, "0").attribute(images, boxes)["0"]["nose"]
    assert score.pairs == 6
    assert score.mean == pytest.approx((4 + 8 + 8) / 3 / 16)
    assert score.deviation == pytest.approx(
        (2 / 3 * (8 - 20 / 3) ** 2 + (20 / 3 - 4) ** 2 / 3) ** 0.5 / 16
    )


def test_random_boxes_can_be_drawn_again(identity):
    images, boxes = torch.rand(3, 1, 9, 9), {"eye": [cdn.Box(1, 1, 4, 3)] * 3}
    scores = cdn.PartCorrespondence(identity, "0")
    found = [
        scores.attribute(images, boxes, random_boxes=4, generator=torch.Generator().manual_seed(7))[
            "0"
        ]["random"]
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert found[0].pairs == 4 * 6
    with pytest.raises(ImageError, match=r"torch\.Generator"):
        scores.attribute(images, boxes, random_boxes=1)


def test_boxes_that_do_not_fit_are_refused(identity):
    scores, images = cdn.PartCorrespondence(identity, "0"), torch.rand(2, 1, 9, 9)
    with pytest.raises(ImageError, match="1 boxes for 2 images"):
        scores.attribute(images, {"eye": [cdn.Box(0, 0, 2, 2)]})
    with pytest.raises(ImageError, match="does not lie in images"):
        scores.attribute(images, {"eye": [cdn.Box(0, 0, 2, 2), cdn.Box(8, 0, 10, 2)]})
    with pytest.raises(ImageError, match="two or more"):
        scores.attribute(images[:1], {"eye": [cdn.Box(0, 0, 2, 2)]})


@pytest.mark.parametrize("box", [(0, 0, 2, 2), [2, 2, 4, 4], None])
def test_a_box_that_could_mean_two_things_is_refused(identity, box):
    scores, images = cdn.PartCorrespondence(identity, "0"), torch.rand(2, 1, 9, 9)
    with pytest.raises(InputError, match=r"Box\(top, left, bottom, right\)"):
        scores.attribute(images, {"eye": [box] * 2})
