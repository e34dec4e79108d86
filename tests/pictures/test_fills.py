"""One form of a fill, wherever something covers an image or comes in from outside it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import FillError, ModelError, TransformError, UnknownNameError
from captum_deconvnet.pictures.fills import filled

torch.manual_seed(8)
NET = nn.Sequential(
    nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)
).eval()
IMAGES = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(6))
COLOURS = [0.1, 0.5, 0.9]
CALLS = {
    "Occlusion": lambda fill: cdn.Occlusion(NET).attribute(
        IMAGES, (3, 4, 4), (3, 4, 4), baselines=fill, target=1
    ),
    "OcclusionSensitivity": lambda fill: (
        cdn.OcclusionSensitivity(NET).measure(IMAGES, 1, window=4, stride=4, fill=fill).probability
    ),
    "FeatureInvariance, shifts": lambda fill: (
        cdn.FeatureInvariance(NET, "1")
        .measure(IMAGES, values=[-3, 2], fill=fill)
        .distance("1", "euclidean")
    ),
    "FeatureInvariance, turns": lambda fill: (
        cdn.FeatureInvariance(NET, "1")
        .measure(IMAGES, transform="rotation", values=[30, 200], fill=fill)
        .distance("1", "euclidean")
    ),
    "FeatureInvariance, nearest": lambda fill: (
        cdn.FeatureInvariance(NET, "1")
        .measure(IMAGES, transform="scale", values=[0.7], fill=fill, interpolation="nearest")
        .distance("1", "euclidean")
    ),
    "FeatureDifference": lambda fill: cdn.FeatureDifference(
        NET, "1", "rotation", 30, fill=fill
    ).attribute(IMAGES),
    "PartCorrespondence": lambda fill: torch.tensor(
        cdn.PartCorrespondence(NET, "1")
        .measure(IMAGES, {"eye": [cdn.Box(1, 1, 5, 5)] * 2}, fill=fill)["1"]["eye"]
        .mean
    ),
}
MEAN = IMAGES.mean((2, 3), keepdim=True)
FORMS = {
    "one a channel, as a list": (COLOURS, torch.tensor(COLOURS).view(3, 1, 1)),
    "one a channel, as a tensor": (torch.tensor(COLOURS), torch.tensor(COLOURS).view(3, 1, 1)),
    "each image's mean": ("mean", MEAN.expand_as(IMAGES)),
    "a function": (lambda images: images.flip(-1), IMAGES.flip(-1)),
    "nothing said": (None, 0.0),
    "a number": (0.3, torch.full((1, 1, 1), 0.3)),
    "blur": ("blur", filled("blur", IMAGES, None)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CALLS)
def test_every_form_of_a_fill_is_that_tensor_everywhere(name, form):
    given, tensor = FORMS[form]
    if name == "Occlusion" and form == "one a channel, as a tensor":
        pytest.skip("a tensor is Captum's own form there, which broadcasts")
    assert_close(CALLS[name](given), CALLS[name](tensor), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CALLS)
def test_another_fill_gives_something_else(name):
    if name == "PartCorrespondence":
        pytest.skip("a distance of signs")
    assert not torch.equal(CALLS[name](COLOURS), CALLS[name](0.0))


@pytest.mark.parametrize("name", CALLS)
def test_fills_that_do_not_fit_are_refused_by_the_same_error(name):
    with pytest.raises(FillError, match="2 numbers and the images 3 channels"):
        CALLS[name]([0.1, 0.2])
    with pytest.raises(FillError, match="does not fit"):
        CALLS[name](lambda images: torch.zeros(7, 7))
    with pytest.raises(UnknownNameError, match="Nearest: mean"):
        CALLS[name]("meen")
    with pytest.raises(FillError, match="whose transform is known"):
        CALLS[name]("grey")
    assert issubclass(FillError, ModelError)
    assert issubclass(FillError, TransformError)


def test_a_name_is_of_images_only():
    with pytest.raises(FillError, match="give a number or a tensor"):
        cdn.Occlusion(nn.Linear(4, 2)).attribute(torch.rand(2, 4), (2,), baselines="mean", target=1)


def test_each_input_of_several_has_a_baseline_of_its_own():
    class Two(nn.Module):
        def forward(self, one, other):
            return NET(one + other)

    pair, options = (IMAGES, IMAGES.flip(0)), {"target": 1, "strides": ((3, 4, 4),) * 2}
    shapes, flipped = ((3, 4, 4),) * 2, MEAN.flip(0).expand_as(IMAGES)
    found = cdn.Occlusion(Two().eval()).attribute(pair, shapes, baselines=("mean", 0.5), **options)
    right = cdn.Occlusion(Two().eval()).attribute(
        pair, shapes, baselines=(MEAN.expand_as(IMAGES), 0.5), **options
    )
    other = cdn.Occlusion(Two().eval()).attribute(pair, shapes, baselines=(0, "mean"), **options)
    as_tensor = cdn.Occlusion(Two().eval()).attribute(
        pair, shapes, baselines=(0, flipped), **options
    )
    for one, two in zip((*found, *other), (*right, *as_tensor), strict=True):
        assert_close(one, two)
