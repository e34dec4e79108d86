"""What every public object can be asked without a surprise: hasattr, repr, dir."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet import registry
from captum_deconvnet.errors import LayerChoiceError, LayerError, UnitError, UnknownNameError

LONGEST = 2000
DEEP = nn.Sequential(
    nn.Sequential(*[nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(80)]),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(3, 600),
).eval()
for convolution in DEEP[0]:
    nn.init.dirac_(convolution[0].weight)  # signals neither grow nor vanish
LAYERS = [f"0.{number}.1" for number in range(0, 80, 2)]
UNIT = cdn.Unit(0, "0.79.1", 1, 3, 3)


def images(count=2):
    return torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def called(explainer, *args, **options):
    explainer.attribute(images(), *args, **options)
    return explainer


def loaded():
    classes = tuple(f"class number {number}" for number in range(600))
    return cdn.LoadedModel("toy/deep", DEEP, nn.Identity(), nn.Identity(), (3, 12, 12), classes)


def invariance():
    return cdn.FeatureInvariance(DEEP, LAYERS).attribute(images(), 1, values=range(-6, 7))


def sensitivity():
    return cdn.OcclusionSensitivity(DEEP, "0.79.1").attribute(images(), window=4, stride=2)


def correspondence():
    parts = {f"part {number}": [cdn.Box(1, 1, 5, 5)] * 2 for number in range(9)}
    return cdn.PartCorrespondence(DEEP, LAYERS).attribute(images(), parts)


def trust():
    return cdn.trust_checks(DEEP, images(1), UNIT, 1 - images(1))


OBJECTS = {
    "Box": lambda: cdn.Box(0, 0, 4, 4),
    "CorrespondenceScores": correspondence,
    "DeconvNet": lambda: called(cdn.DeconvNet(DEEP), 1),
    "Family": lambda: cdn.Family(True, True, False),
    "FeatureDifference": lambda: called(cdn.FeatureDifference(DEEP, "0.1.1")),
    "FeatureInvariance": lambda: cdn.FeatureInvariance(DEEP, LAYERS),
    "InvarianceCurves": invariance,
    "LayerDeconvNet": lambda: called(cdn.LayerDeconvNet(DEEP, "0.1.1"), 1),
    "LayerTop": lambda: cdn.top_activations(DEEP, LAYERS, images())["0.0.1"],
    "LoadedModel": loaded,
    "NeuronDeconvNet": lambda: called(cdn.NeuronDeconvNet(DEEP, "0.1.1"), (1, 2, 2)),
    "Occlusion": lambda: called(cdn.Occlusion(DEEP), (3, 6, 6), (3, 6, 6), target=1),
    "OcclusionMaps": sensitivity,
    "OcclusionReport": lambda: called(cdn.Occlusion(DEEP), (3, 6, 6), (3, 6, 6), target=1).report,
    "OcclusionSensitivity": lambda: cdn.OcclusionSensitivity(DEEP, "0.79.1"),
    "PartCorrespondence": lambda: cdn.PartCorrespondence(DEEP, LAYERS),
    "Patch": lambda: cdn.record(DEEP, images(), "0.79.1").project_patches(UNIT)[0],
    "Receipt": lambda: cdn.record(DEEP, images()).receipt,
    "ReceiptEntry": lambda: cdn.record(DEEP, images()).receipt.entries[0],
    "ReceptiveField": lambda: cdn.receptive_field(DEEP, "0.79.1", (3, 200, 200)),
    "Recording": lambda: cdn.record(DEEP, images(), LAYERS),
    "TopActivations": lambda: cdn.top_activations(DEEP, LAYERS, images()),
    "TrustChecks": trust,
    "Unit": lambda: UNIT,
    "activations": lambda: cdn.record(DEEP, images(), LAYERS).activations,
    "check": lambda: trust().checks["other unit"],
    "norms": lambda: invariance().norms["0.0.1"],
    "ClassInMask": lambda: cdn.targets.ClassInMask(DEEP, 1),
    "BoxScore": lambda: cdn.targets.BoxScore(DEEP, cdn.Box(0, 0, 4, 4)),
    "one layer's scan": lambda: cdn.top_activations(DEEP, "0.0.1", images()),
    "an unused DeconvNet": lambda: cdn.DeconvNet(DEEP, rules={nn.ReLU: cdn.rules.identity}),
}


def test_every_public_class_has_an_object_here():
    classes = {name for name in cdn.__all__ if inspect.isclass(getattr(cdn, name))}
    assert classes <= {*OBJECTS}


@pytest.fixture(scope="module", params=OBJECTS)
def public(request):
    return OBJECTS[request.param]()


def test_hasattr_never_raises(public):
    for name in (*dir(public), *dir(cdn.LayerTop), "nothing", "_nothing"):
        hasattr(public, name)


def test_a_repr_is_short_and_names_the_class(public):
    assert len(repr(public)) <= LONGEST
    assert "\n" not in repr(public)
    assert type(public).__name__ in repr(public)
    assert " at 0x" not in repr(public)


@pytest.mark.parametrize("name", registry.__all__)
def test_what_a_plugin_imports_has_a_short_repr(name):
    assert len(repr(getattr(registry, name))) <= LONGEST


def test_an_attribute_of_one_layer_is_missing_where_there_are_several():
    top = cdn.top_activations(DEEP, LAYERS, images())
    assert not hasattr(top, "values")
    assert hasattr(cdn.top_activations(DEEP, "0.0.1", images()), "values")
    for error in (LayerChoiceError, LayerError, AttributeError):
        with pytest.raises(error, match=r"40 layers were scanned: say which, top\[layer\]\.values"):
            _ = top.values


def test_scores_of_a_layer_that_was_not_compared_are_refused_with_near_names():
    with pytest.raises(UnknownNameError, match=r"Nearest: .*0\.0\.1"):
        correspondence()["0.0.2"]


def test_a_unit_has_no_value_unless_it_is_given():
    assert cdn.Unit(0, "1", 2).value is None
    assert cdn.Unit(0, "1", 2) == cdn.Unit(0, "1", 2)


def test_the_seed_is_the_recorded_activation_whatever_value_the_unit_has():
    recording = cdn.record(DEEP[0][:1], images(), "0.1")
    (unit, *_) = recording.strongest("0.1")
    bare = cdn.Unit(unit.image, unit.layer, unit.channel, unit.row, unit.column)
    false = cdn.Unit(unit.image, unit.layer, unit.channel, unit.row, unit.column, value=-7.0)
    wanted = unit.value * recording.project(unit, seed=1.0)
    for given in (unit, bare, false):
        torch.testing.assert_close(recording.project(given), wanted)
        torch.testing.assert_close(
            recording.project_patches(given)[0].pixels,
            recording.project_patches(unit)[0].pixels,
        )


def test_trust_checks_say_the_activation_of_a_unit_given_without_it():
    found = trust().unit
    recorded = cdn.record(DEEP, images(1), UNIT.layer).activations[UNIT.layer]
    assert found.value == pytest.approx(float(recorded[0, UNIT.channel, UNIT.row, UNIT.column]))


def test_a_caption_of_a_unit_without_a_value_is_refused():
    from captum_deconvnet.engine.units import activation_of

    assert activation_of(cdn.Unit(0, "1", 2, value=0.5)) == 0.5
    with pytest.raises(UnitError, match="has no value"):
        activation_of(UNIT)
