"""The same mistake is the same error, whichever public class or function meets it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import (
    CaptumDeconvnetError,
    InputError,
    LayerError,
    NotAModuleError,
    TargetError,
    UnknownLayerError,
    UnknownNameError,
)

WINDOW = (3, 4, 4)


def net():
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)
    ).eval()


def images(count=2):
    return torch.rand(count, 3, 12, 12)


PARTS = {"eye": [cdn.Box(1, 1, 5, 5)] * 2}
UNIT = cdn.Unit(0, "1", 2, 3, 3)

WITH_MODEL = {
    "DeconvNet": lambda model: cdn.DeconvNet(model),
    "NeuronDeconvNet": lambda model: cdn.NeuronDeconvNet(model, "1"),
    "LayerDeconvNet": lambda model: cdn.LayerDeconvNet(model, "1"),
    "Occlusion": lambda model: cdn.Occlusion(model),
    "OcclusionSensitivity": lambda model: cdn.OcclusionSensitivity(model),
    "FeatureInvariance": lambda model: cdn.FeatureInvariance(model),
    "FeatureDifference": lambda model: cdn.FeatureDifference(model, "1"),
    "PartCorrespondence": lambda model: cdn.PartCorrespondence(model, "1"),
    "record": lambda model: cdn.record(model, images()),
    "receptive_field": lambda model: cdn.receptive_field(model, "1", (3, 12, 12)),
    "top_activations": lambda model: cdn.top_activations(model, "1", images()),
    "trust_checks": lambda model: cdn.trust_checks(model, images(1), UNIT, images(1)),
    "ClassInMask": lambda model: cdn.targets.ClassInMask(model, 1),
    "BoxScore": lambda model: cdn.targets.BoxScore(model, (0, 0, 4, 4)),
}

LOADED = cdn.LoadedModel("toy/net", net(), nn.Identity(), nn.Identity(), (3, 12, 12))
"""Some classes take a loaded model; the others say where its module is."""


@pytest.mark.parametrize("given", [None, 3, "vgg16", [net()]], ids=["None", "int", "str", "list"])
@pytest.mark.parametrize("name", WITH_MODEL)
def test_what_is_no_module_is_refused_by_the_same_error(name, given):
    with pytest.raises(NotAModuleError, match=f"is a {type(given).__name__}; give a torch.nn.Modu"):
        WITH_MODEL[name](given)


@pytest.mark.parametrize("name", sorted({*WITH_MODEL} - {"OcclusionSensitivity"}))
def test_a_loaded_model_in_the_place_of_a_module_is_told_apart(name):
    with pytest.raises(NotAModuleError, match=r"the LoadedModel's \.model"):
        WITH_MODEL[name](LOADED)


WITH_LAYER = {
    "NeuronDeconvNet": lambda layer: cdn.NeuronDeconvNet(net(), layer),
    "LayerDeconvNet": lambda layer: cdn.LayerDeconvNet(net(), layer),
    "OcclusionSensitivity": lambda layer: cdn.OcclusionSensitivity(net(), layer),
    "FeatureInvariance": lambda layer: cdn.FeatureInvariance(net(), layer).attribute(images()),
    "FeatureDifference": lambda layer: cdn.FeatureDifference(net(), layer).attribute(images()),
    "PartCorrespondence": lambda layer: cdn.PartCorrespondence(net(), layer),
    "record": lambda layer: cdn.record(net(), images(), layer),
    "receptive_field": lambda layer: cdn.receptive_field(net(), layer, (3, 12, 12)),
    "top_activations": lambda layer: cdn.top_activations(net(), layer, images()),
    "a recording's activations": lambda layer: cdn.record(net(), images(), "1").activations[layer],
    "a unit": lambda layer: cdn.record(net(), images(), "1").project(cdn.Unit(0, layer, 1)),
    "strongest": lambda layer: cdn.record(net(), images(), "1").strongest(layer),
    "trust_checks": lambda layer: cdn.trust_checks(
        net(), images(1), cdn.Unit(0, layer, 1), images(1)
    ),
    "curves": lambda layer: (
        cdn.FeatureInvariance(net(), "1").attribute(images(), values=[1]).distance(layer)
    ),
    "a scan": lambda layer: cdn.top_activations(net(), "1", images())[layer],
}


@pytest.mark.parametrize("name", WITH_LAYER)
def test_a_layer_that_does_not_exist_is_refused_by_the_same_error(name):
    with pytest.raises(UnknownLayerError, match="layer 'convolution'"):
        WITH_LAYER[name]("convolution")


WITH_TARGET = {
    "DeconvNet": lambda target: cdn.DeconvNet(net()).attribute(images(), target),
    "LayerDeconvNet": lambda target: cdn.LayerDeconvNet(net(), "1").attribute(images(), target),
    "Occlusion": lambda target: cdn.Occlusion(net()).attribute(images(), WINDOW, target=target),
    "OcclusionSensitivity": lambda target: cdn.OcclusionSensitivity(net()).attribute(
        images(), target, window=4, stride=4
    ),
    "FeatureInvariance": lambda target: cdn.FeatureInvariance(net(), "1").attribute(
        images(), target, values=[1]
    ),
}


@pytest.mark.parametrize(
    "target",
    [5, -6, [0, 5], [1, 2, 3], torch.tensor([0, 1, 2]), 1.5, "cat", (0, 0, 0), torch.zeros(2, 2)],
    ids=str,
)
@pytest.mark.parametrize("name", WITH_TARGET)
def test_a_class_that_does_not_exist_is_refused_by_the_same_error(name, target):
    with pytest.raises(TargetError, match="target"):
        WITH_TARGET[name](target)


WITH_INPUTS = {
    "DeconvNet": lambda inputs: cdn.DeconvNet(net()).attribute(inputs, 1),
    "LayerDeconvNet": lambda inputs: cdn.LayerDeconvNet(net(), "1").attribute(inputs, 1),
    "NeuronDeconvNet": lambda inputs: cdn.NeuronDeconvNet(net(), "1").attribute(inputs, (0, 1, 1)),
    "Occlusion": lambda inputs: cdn.Occlusion(net()).attribute(inputs, WINDOW, target=1),
    "OcclusionSensitivity": lambda inputs: cdn.OcclusionSensitivity(net()).attribute(inputs, 1),
    "FeatureInvariance": lambda inputs: cdn.FeatureInvariance(net(), "1").attribute(inputs),
    "FeatureDifference": lambda inputs: cdn.FeatureDifference(net(), "1").attribute(inputs),
    "PartCorrespondence": lambda inputs: cdn.PartCorrespondence(net(), "1").attribute(
        inputs, PARTS
    ),
    "record": lambda inputs: cdn.record(net(), inputs),
    "trust_checks": lambda inputs: cdn.trust_checks(net(), inputs, UNIT, images(1)),
}


@pytest.mark.parametrize("given", [None, [images()], "cat.jpg", images().numpy()], ids=type)
@pytest.mark.parametrize("name", WITH_INPUTS)
def test_inputs_that_are_no_tensor_are_refused_by_the_same_error(name, given):
    with pytest.raises(InputError, match=type(given).__name__):
        WITH_INPUTS[name](given)


def test_captums_error_classes_are_kept():
    for error in (NotAModuleError, InputError, TargetError):
        assert issubclass(error, AssertionError)
        assert issubclass(error, CaptumDeconvnetError)
    assert issubclass(TargetError, IndexError)


def test_a_layer_that_is_not_recorded_is_not_in_the_activations():
    activations = cdn.record(net(), images(), "1").activations
    assert "1" in activations
    assert "0" not in activations
    assert "convolution" not in activations
    assert activations.get("0") is None
    assert nn.ReLU() not in activations
    assert activations.get(nn.ReLU()) is None


WITH_MODULE = [
    name for name in WITH_LAYER if name not in ("a unit", "trust_checks", "curves", "a scan")
]


@pytest.mark.parametrize("name", WITH_MODULE)
def test_a_module_of_another_model_is_an_unknown_layer_too(name):
    with pytest.raises(UnknownLayerError, match="The layer ReLU is not a module of this model"):
        WITH_LAYER[name](nn.ReLU())
    for error in (UnknownNameError, LayerError, KeyError, ValueError):
        assert issubclass(UnknownLayerError, error)


def test_an_unknown_name_is_said_without_quotation_marks():
    with pytest.raises(LookupError) as raised:
        cdn.record(net(), images(), "convolution")
    assert str(raised.value).startswith("Unknown layer 'convolution'.")
