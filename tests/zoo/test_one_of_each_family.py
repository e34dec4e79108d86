"""One small net of each family, as the sweep has them all: seconds each."""

from __future__ import annotations

import pytest
from families import MODELS

from captum_deconvnet_benchmarks.zoo.census import size_of
from captum_deconvnet_benchmarks.zoo.measure import TOLERANCE, measure
from captum_deconvnet_benchmarks.zoo.reasons import is_explained
from captum_deconvnet_benchmarks.zoo.row import DIFFERENT

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what libraries say while they build their nets
    pytest.mark.zoo,
]


@pytest.fixture(scope="module", params=MODELS)
def row(request):
    return measure(request.param, size_of(request.param), seed=0)


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


def test_the_list_has_every_family_once():
    families = [(name.partition("/")[0], size_of(name).family) for name in MODELS]
    assert len(set(families)) == len(families)
