"""What the classes give can be copied and pickled, or says why not."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import pytest
import torch
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import RecordingError


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    ).eval()  # fmt: skip


IMAGES = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def report():
    occlusion = cdn.Occlusion(net())
    occlusion.attribute(IMAGES, (3, 4, 4), (3, 2, 2), target=1)
    return occlusion.report


def recorded():
    return cdn.record(net(), IMAGES, "1")


def patch():
    recording = recorded()
    return recording.project_patches(recording.strongest("1")[:2])[1]


RESULTS = {
    "OcclusionMaps": lambda: cdn.OcclusionSensitivity(net(), "1").attribute(
        IMAGES, 1, window=4, stride=2, other_inputs=IMAGES, all_classes=True
    ),
    "InvarianceCurves": lambda: cdn.FeatureInvariance(net(), "1").attribute(
        IMAGES, 1, values=[1, 2], units=True, equivariance=True
    ),
    "TopActivations": lambda: cdn.top_activations(net(), "1", IMAGES, k=2),
    "CorrespondenceScores": lambda: cdn.PartCorrespondence(net(), "1").attribute(
        IMAGES, {"eye": [cdn.Box(1, 1, 4, 4)] * 3}
    ),
    "OcclusionReport": report,
    "Receipt": lambda: recorded().receipt,
    "Unit": lambda: recorded().strongest("1")[0],
    "Patch": patch,
    "ReceptiveField": lambda: cdn.receptive_field(net(), "1", (3, 12, 12)),
}
WAYS = {
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "pickle": lambda result: pickle.loads(pickle.dumps(result)),
}


def same(one, other):
    if isinstance(one, Tensor):
        is_equal = torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
        return one.shape == other.shape and is_equal
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if hasattr(one, "__dict__"):
        return same(vars(one), vars(other))
    return one == other


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_copies_and_pickles(kind, way):
    result = RESULTS[kind]()
    twin = WAYS[way](result)
    assert type(twin) is type(result)
    assert same(twin, result)


@pytest.mark.parametrize("way", ["copy", "deep copy"])
def test_a_copy_of_a_recording_projects_the_same(way):
    recording = recorded()
    twin = WAYS[way](recording)
    units = recording.strongest("1")[:3]
    assert torch.equal(twin.project(units), recording.project(units))


def test_a_recording_says_why_it_is_not_pickled():
    with pytest.raises(RecordingError, match="cannot be pickled"):
        pickle.dumps(recorded())
