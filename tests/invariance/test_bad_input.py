"""What cannot be measured is said in one clear line, and the model is left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import (
    LayerError,
    ModelError,
    NonFiniteError,
    TargetError,
    TrainModeError,
    TransformError,
    UnknownNameError,
)


def net():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )


def attribute(images=None, target=None, model=None, layers="1", **options):
    given = torch.rand(2, 3, 12, 10) if images is None else images
    return cdn.FeatureInvariance(model or net(), layers).attribute(given, target, **options)


def nans(images, value):
    return images * float("nan")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"transform": lambda images, v: images[..., 1:], "values": [1]}, TransformError, "keep"),
        ({"transform": lambda images, v: None, "values": [1]}, TransformError, "NoneType"),
        ({"transform": nans, "values": [1]}, NonFiniteError, "'nans' at 1 gives NaN"),
        ({"transform": nans}, TransformError, "no values"),
        ({"values": []}, TransformError, "no values to try"),
        ({"values": ["three"]}, TransformError, "'three'"),
        ({"values": [float("nan")]}, NonFiniteError, "nan"),
        ({"values": [float("inf")]}, NonFiniteError, "inf"),
        ({"transform": "scale", "values": [0]}, TransformError, "greater than 0"),
        ({"transform": "scale", "values": [-1]}, TransformError, "greater than 0"),
        ({"values": [12]}, TransformError, "smaller than the image, 12 pixels"),
        ({"values": [-60]}, TransformError, "smaller than the image, 12 pixels"),
        ({"transform": "horizontal_translation", "values": [10]}, TransformError, "10 pixels"),
        ({"transform": "blur", "values": [-1]}, TransformError, "not negative"),
        ({"transform": "blur", "values": [4]}, TransformError, "must fit the image"),
        ({"transform": "noise", "values": [-1]}, TransformError, "not negative"),
        ({"transform": "translate"}, UnknownNameError, "translation"),
        ({"transform": 3}, TransformError, "give a name"),
        ({"interpolation": "cubic"}, UnknownNameError, "bilinear"),
        ({"fill": (0.0, 1.0)}, TransformError, "2 numbers and the images 3 channels"),
        ({"crop": (13, 10)}, TransformError, "larger than the images"),
        ({"crop": (0, 4)}, TransformError, "height, width"),
        ({"batch_size": 0}, ModelError, "1 or more"),
        ({"transform": "blur", "equivariance": True}, TransformError, "moves no pixels"),
        ({"layers": "3", "equivariance": True}, LayerError, "on maps"),
        ({"layers": "9"}, UnknownNameError, "'9'"),
        ({"layers": []}, LayerError, "no layers"),
        ({"target": 5}, TargetError, "0 to 4"),
        ({"target": -1}, TargetError, "0 to 4"),
        ({"target": [1, 2, 3]}, TargetError, "2 images"),
        ({"target": 1.5}, TargetError, "one label"),
        ({"output": "softmax"}, UnknownNameError, "logits"),
        ({"output": "probabilities"}, ModelError, "no probabilities"),
        ({"images": torch.full((1, 3, 8, 8), float("nan"))}, NonFiniteError, "NaN"),
        ({"images": torch.zeros(3, 8, 8)}, ModelError, "(3, 8, 8)"),
        ({"images": torch.zeros(0, 3, 8, 8)}, ModelError, "at least one"),
        ({"images": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, ModelError, "uint8"),
        ({"images": "cat.jpg"}, ModelError, "str"),
        ({"images": torch.zeros(1, 1, 8, 8)}, ModelError, "cannot run on input"),
    ],
)
def test_it_is_refused_with_what_was_given_and_what_was_expected(options, error, says):
    with pytest.raises(error) as caught:
        attribute(**options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_probabilities_are_not_taken_for_logits():
    with pytest.raises(ModelError, match="probabilities already"):
        attribute(model=nn.Sequential(*net(), nn.Softmax(1)))


def test_a_target_needs_labels():
    with pytest.raises(TargetError, match="no labels"):
        attribute(model=net()[:2], target=1)


@pytest.mark.parametrize("layers", ["0", None])
def test_a_batch_norm_in_train_mode_is_named_before_it_learns(layers):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    with pytest.raises(TrainModeError, match="batch norm '1' runs in train mode"):
        attribute(model=model, layers=layers)
    assert not model[1].running_mean.any()
    assert model[1].num_batches_tracked == 0
    attribute(model=model.eval(), layers="0")


def test_dropout_in_train_mode_is_said():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5))
    with pytest.warns(UserWarning, match="different outputs for the same input"):
        attribute(model=model, layers="1")
    attribute(model=model.eval(), layers="1")


def test_a_layer_that_does_not_run_is_named():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 2, 3)

        def forward(self, images):
            return self.used(images)

    with pytest.raises(LayerError, match="'unused' did not run"):
        attribute(model=Lazy(), layers="unused")


def test_a_layer_whose_rows_are_not_the_images_is_named():
    with pytest.raises(LayerError, match="'1' gives"):
        attribute(model=nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(0)), layers="1")


def test_infinite_features_are_named():
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    nn.init.constant_(model[0].weight, 1e38)
    with pytest.raises(NonFiniteError, match="layer '0'"):
        attribute(model=model, layers="0")


def state(model):
    return [
        (name, module.training, len(module._forward_hooks))
        for name, module in model.named_modules()
    ]


@pytest.mark.parametrize("options", [{"values": [1]}, {"values": [1], "target": 77}])
def test_model_and_images_are_left_as_they_were(options):
    model, images = net(), torch.rand(1, 3, 9, 9).requires_grad_()
    before, weights, pixels = state(model), model[0].weight.clone(), images.clone()
    try:
        attribute(images, model=model, **options)
    except TargetError:
        assert "target" in options
    assert state(model) == before
    assert torch.equal(model[0].weight, weights)
    assert model[0].weight.grad is None
    assert torch.equal(images, pixels)


def test_a_transform_that_writes_into_its_images_does_not_write_into_ours():
    images = torch.rand(1, 3, 9, 9)
    pixels = images.clone()
    attribute(images, transform=lambda given, value: given.mul_(value), values=[0.5])
    assert torch.equal(images, pixels)


def test_features_that_the_net_changes_in_place_are_measured_before():
    torch.manual_seed(3)
    first = nn.Conv2d(3, 4, 3)
    images = torch.rand(1, 3, 9, 9)
    alone = attribute(images, model=nn.Sequential(first), layers="0", values=[2])
    before = attribute(images, model=nn.Sequential(first, nn.ReLU(True)), layers="0", values=[2])
    assert torch.equal(alone.distance("0"), before.distance("0"))


def test_of_a_module_that_runs_twice_the_last_run_counts():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, images):
            return self.relu(self.relu(images) - 0.5)

    images = torch.rand(2, 1, 6, 6)
    found = attribute(images, model=Twice(), layers="relu", values=[1, 2], batch_size=2)
    features = torch.relu(images - 0.5)
    moved = torch.relu(nn.functional.pad(images, (0, 0, 1, 0))[..., :-1, :] - 0.5)
    expected = (moved - features).flatten(1).norm(dim=1).double()
    assert torch.allclose(found.distance("relu", "euclidean")[:, 0], expected, rtol=1e-6)


def test_the_default_layers_are_the_first_and_the_last_stage():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten()
    )
    found = cdn.FeatureInvariance(model).attribute(torch.rand(1, 3, 16, 16), values=[1])
    assert found.layers == ("2", "4")


def test_the_papers_ranges_are_the_defaults_and_shrink_with_small_images():
    model = nn.Sequential(nn.Conv2d(1, 1, 1))
    ranges = {}
    for size in (224, 28):
        for transform in ("translation", "scale", "rotation"):
            found = attribute(torch.rand(1, 1, size, size), model=model, layers="0",
                              transform=transform)  # fmt: skip
            ranges[size, transform] = (min(found.values), max(found.values), len(found.values))
    assert ranges[224, "translation"] == (-60, 60, 25)
    assert ranges[28, "translation"] == (-8, 8, 17)
    assert ranges[224, "scale"] == ranges[28, "scale"] == (1, 1.8, 17)
    assert ranges[224, "rotation"] == ranges[28, "rotation"] == (0, 350, 36)


def test_the_dtype_of_the_model_is_followed():
    single = attribute(torch.ones(1, 3, 8, 8).double(), model=net().double(), values=[1.5])
    assert single.distance("1").dtype == torch.float64
