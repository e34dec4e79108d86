"""One small net of each family, as the sweep has them all: seconds each."""

from __future__ import annotations

import pytest
from families import MODELS

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.zoo.census import size_of
from captum_deconvnet_benchmarks.zoo.measure import TOLERANCE, measure_subject
from captum_deconvnet_benchmarks.zoo.reasons import is_explained
from captum_deconvnet_benchmarks.zoo.row import DIFFERENT
from captum_deconvnet_benchmarks.zoo.subject import subject

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what libraries say while they build their nets
    pytest.mark.zoo,
]


@pytest.fixture(scope="module", params=MODELS)
def measured(request):
    case = subject(request.param, seed=0)
    return measure_subject(case, request.param, size_of(request.param)), case


@pytest.fixture(scope="module")
def row(measured):
    return measured[0]


@pytest.fixture(scope="module")
def recording(measured):
    """Of one stage halfway up, in float64."""
    _, case = measured
    layer = case.layers[(len(case.layers) - 1) // 2]
    return cdn.record(case.model.double(), case.image.double(), layer)


def test_the_recorded_forward_pass_is_the_plain_one_bit_for_bit(row):
    assert row.forward != DIFFERENT


def test_the_projections_agree_with_the_reference(row):
    assert row.no_reference == ""
    assert row.reference_error <= TOLERANCE


def test_the_gradient_is_autograds(row):
    assert row.gradient_error <= TOLERANCE


def test_every_projection_is_finite_and_shows_something(row):
    assert row.finite
    assert row.zero == 0


def test_an_operation_without_a_rule_has_a_reason_and_the_reference_has_none_either(row):
    assert is_explained(row)
    assert (row.fallback > 0) == (row.reference_fallbacks > 0)


def test_strict_refuses_exactly_the_nets_whose_receipt_has_fallbacks(row):
    assert row.strict_agrees


def scattered(recording):
    """The strongest units of three maps, and units in two corners of the last."""
    ((layer, activation),) = recording.activations.items()
    strongest, channel = recording.strongest(layer), activation.shape[1] - 1
    rows, columns = (
        (*activation.shape[2:], 1, 1)[:2] if activation.dim() < 5 else activation.shape[3:]
    )
    corners = [(0, columns - 1), (rows - 1, 0)]
    units = [cdn.Unit(0, layer, channel, *corner) for corner in corners]
    return [*strongest[:2], strongest[channel], *units]


def test_the_patches_of_a_stage_are_its_projections_and_these_are_zero_elsewhere(recording):
    units = scattered(recording)
    projections = recording.project(units, seed=1.0)
    patches = recording.project_patches(units, seed=1.0)
    for projection, patch in zip(projections, patches, strict=True):
        box, elsewhere = patch.box, projection.clone()
        inside = (..., slice(box.top, box.bottom), slice(box.left, box.right))
        elsewhere[inside] = 0
        difference = (patch.pixels - projection[inside]).abs().max()
        assert not elsewhere.any()
        assert projection.any()
        assert difference <= 1e-10 * projection.abs().max()


def test_the_list_has_every_family_once():
    families = [(name.partition("/")[0], size_of(name).family) for name in MODELS]
    assert len(set(families)) == len(families)
