"""Targets that are no single output: a class over a mask, the box of a detector."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import InputError, ModelError, TargetError

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def segmenter():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1)]
    return nn.Sequential(*layers).double().eval()


def images():
    return torch.randn(2, 3, 8, 9, dtype=torch.float64)


def test_a_mask_of_one_place_is_that_place():
    net, batch, mask = segmenter(), images(), torch.zeros(8, 9)
    mask[3, 4] = 1
    expected = cdn.DeconvNet(net).attribute(batch, (2, 3, 4))
    assert_close(cdn.DeconvNet(cdn.targets.ClassInMask(net, 2, mask)).attribute(batch), expected)


@pytest.mark.parametrize("mask", [None, torch.rand(8, 9) > 0.5, torch.rand(2, 8, 9)])
def test_a_class_over_a_mask_is_its_weighted_mean(mask):
    net, batch = segmenter(), images().requires_grad_()
    weights = torch.ones(2, 8, 9) if mask is None else mask.double().expand(2, 8, 9)
    mean = (net(batch)[:, 1] * weights).sum((1, 2)) / weights.sum((1, 2))
    target = cdn.targets.ClassInMask(net, 1, mask)
    assert_close(target(batch), mean, **EXACT)
    found = cdn.DeconvNet(target, relu="gradient").attribute(batch)
    assert_close(found, torch.autograd.grad(mean.sum(), batch)[0], **EXACT)


@pytest.mark.parametrize(
    ("category", "mask"), [(9, None), (1, torch.ones(3, 3)), (1, torch.zeros(8, 9))]
)
def test_a_class_or_mask_that_does_not_fit_is_refused(category, mask):
    target = cdn.targets.ClassInMask(segmenter(), category, mask)
    with pytest.raises(TargetError):
        cdn.DeconvNet(target).attribute(images())


class Detector(nn.Module):
    """Three boxes an image, scored by three maps."""

    BOXES = ((0, 0, 4, 4), (3, 3, 8, 8), (0, 5, 2, 8))

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 3, 3).double()

    def forward(self, pictures):
        boxes = torch.tensor(self.BOXES, dtype=torch.float64)
        return [
            {"boxes": boxes, "labels": torch.tensor([1, 2, 1]), "scores": self.scores(picture)}
            for picture in pictures
        ]

    def scores(self, picture):
        return self.conv(picture).relu().mean((-2, -1)).sigmoid()


@pytest.mark.parametrize(
    ("box", "label", "expected"),
    [
        ((0, 0, 4, 4), None, 0),
        ((4, 4, 7, 7), None, 1),
        ((4, 1, 7, 4), 1, 0),
        ((0, 6, 2, 9), None, 2),
        ((20, 20, 22, 22), None, 1),
        ((0, 20, 1, 22), 1, 2),
    ],
)
def test_the_score_followed_is_that_of_the_nearest_box(box, label, expected):
    net, batch = Detector().eval(), images().requires_grad_()
    left, top, right, bottom = box
    target = cdn.targets.BoxScore(net, cdn.Box(top, left, bottom, right), label=label)
    score = net.scores(batch)[:, expected]
    assert_close(target(batch), score, **EXACT)
    found = cdn.DeconvNet(target, relu="gradient").attribute(batch)
    assert_close(found, torch.autograd.grad(score.sum(), batch)[0], **EXACT)


def test_a_box_of_the_detectors_own_is_taken_as_it_gives_it():
    net, batch = Detector().eval(), images()
    own = cdn.targets.BoxScore(net, net([batch[0]])[0]["boxes"][2])
    assert_close(own(batch), net.scores(batch)[:, 2], **EXACT)


@pytest.mark.parametrize("box", [(0, 0, 4, 4), [0.0, 0.0, 4.0, 4.0], torch.zeros(3), None])
def test_a_box_that_could_mean_two_things_is_refused(box):
    with pytest.raises(InputError, match=r"Box\(top, left, bottom, right\)"):
        cdn.targets.BoxScore(Detector().eval(), box)


def test_an_image_without_a_box_scores_nothing():
    target = cdn.targets.BoxScore(Detector().eval(), cdn.Box(0, 0, 4, 4), label=7)
    assert target(images()).tolist() == [0, 0]


def test_a_model_that_is_no_detector_is_refused():
    with pytest.raises(ModelError, match="detector"):
        cdn.targets.BoxScore(nn.Sequential(Stacked(), segmenter()), cdn.Box(0, 0, 4, 4))(images())


class Stacked(nn.Module):
    def forward(self, pictures):
        return torch.stack(pictures)
