"""One word for one thing in all public signatures; an old word is refused, naming the new one."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import CaptumDeconvnetError, RenamedArgumentError
from captum_deconvnet.renamed import renamed

NET = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
IMAGES = torch.rand(2, 3, 9, 9)


def functions():
    """Every public function, constructor and method of the package."""
    for name in cdn.__all__:
        found = getattr(cdn, name)
        if inspect.isfunction(found):
            yield name, found
        if inspect.isclass(found):
            for method, function in inspect.getmembers(found, inspect.isfunction):
                is_ours = function.__module__.startswith("captum_deconvnet")
                if is_ours and (not method.startswith("_") or method == "__init__"):
                    yield f"{name}.{method}", function


FUNCTIONS = dict(functions())
FORBIDDEN = {
    "images",
    "image",
    "others",
    "other_image",
    "budget",
    "max_memory",
    "args",
    "forward_args",
}
OF_RESULTS = {"Unit.__init__", "Recording.project_map", "LayerTop.__init__", "Recording.__init__"}
"""Here an image is an index into the batch, or the images that a result is of."""


@pytest.mark.parametrize("name", sorted({*FUNCTIONS} - OF_RESULTS))
def test_what_is_given_to_a_model_is_called_inputs_and_bytes_are_a_memory_budget(name):
    assert not FORBIDDEN & {*inspect.signature(FUNCTIONS[name]).parameters}


def test_a_seed_is_of_random_numbers_but_where_a_unit_is_seeded():
    seeded = {
        name
        for name, function in FUNCTIONS.items()
        if "seed" in inspect.signature(function).parameters
    }
    assert seeded == {
        "Recording.project", "Recording.project_patches",  # the value put on a unit
        "InvarianceCurves.band", "trust_checks",
    }  # fmt: skip


OLD = {
    "budget": lambda: cdn.record(NET, IMAGES, "1").project_patches(
        cdn.Unit(0, "1", 2), budget=2**20
    ),
    "others": lambda: cdn.OcclusionSensitivity(NET).measure(IMAGES, 1, others=IMAGES),
    "images": lambda: cdn.PartCorrespondence(NET, "1").measure(images=IMAGES, boxes={}),
    "image": lambda: cdn.trust_checks(
        NET, image=IMAGES[:1], unit=cdn.Unit(0, "1", 2), other_inputs=IMAGES[1:]
    ),
    "other_image": lambda: cdn.trust_checks(
        NET, IMAGES[:1], cdn.Unit(0, "1", 2), other_image=IMAGES[1:]
    ),
}
NEW = {
    "budget": "memory_budget", "others": "other_inputs", "images": "inputs", "image": "inputs",
    "other_image": "other_inputs",
}  # fmt: skip


@pytest.mark.parametrize("old", OLD)
def test_an_old_name_is_refused_and_the_new_one_said(old):
    with pytest.raises(RenamedArgumentError, match=f"no argument '{old}': it is '{NEW[old]}' now"):
        OLD[old]()


def test_a_renamed_argument_leaves_the_signature_and_other_mistakes_as_they_are():
    @renamed(images="inputs")
    def explain(inputs, *, fill=0):
        """Say what was given."""
        return inputs, fill

    assert str(inspect.signature(explain)) == "(inputs, *, fill=0)"
    assert explain.__doc__ == "Say what was given."
    assert explain(1, fill=2) == (1, 2)
    with pytest.raises(TypeError) as raised:
        explain(picture=1)
    assert not isinstance(raised.value, CaptumDeconvnetError)


MEASURES = {
    "FeatureInvariance": lambda verb: getattr(cdn.FeatureInvariance(NET, "1"), verb)(
        IMAGES, values=[1]
    ),
    "PartCorrespondence": lambda verb: getattr(cdn.PartCorrespondence(NET, "1"), verb)(
        IMAGES, {"eye": [cdn.Box(1, 1, 4, 4)] * 2}
    ),
    "OcclusionSensitivity": lambda verb: getattr(
        cdn.OcclusionSensitivity(nn.Sequential(NET, nn.AdaptiveAvgPool2d(1), nn.Flatten())), verb
    )(IMAGES, 1, window=4, stride=2),
}
RESULTS = {
    "FeatureInvariance": cdn.InvarianceCurves,
    "PartCorrespondence": cdn.CorrespondenceScores,
    "OcclusionSensitivity": cdn.OcclusionMaps,
}


@pytest.mark.parametrize("name", MEASURES)
def test_curves_scores_and_maps_are_measured_and_attribute_is_the_same_call(name):
    measured, attributed = MEASURES[name]("measure"), MEASURES[name]("attribute")
    assert type(measured) is type(attributed) is RESULTS[name]
    assert repr(measured) == repr(attributed)
