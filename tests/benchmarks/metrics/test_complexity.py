from __future__ import annotations

import math

import pytest
import torch
from explained import bound, conv_net, given
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from captum_deconvnet_benchmarks.metrics.complexity import ComplexityBenchmark


def scores(values):
    maps = torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)
    found = ComplexityBenchmark(conv_net()).evaluate(
        bound(conv_net(), given(maps)), torch.zeros_like(maps), torch.zeros(1, dtype=torch.long)
    )
    return [float(value) for value in found.values.values()]


def test_one_pixel_of_64_has_sparseness_63_64_and_no_entropy():
    assert scores([5.0] + [0.0] * 63) == pytest.approx([63 / 64, 0, 1 / 64])


def test_a_constant_map_has_no_sparseness_and_the_entropy_ln_n():
    assert scores([2.0] * 8) == pytest.approx([0, math.log(8), 1])


def test_1_2_3_4_has_sparseness_a_quarter():
    assert scores([3.0, 1.0, 4.0, 2.0])[0] == pytest.approx(0.25)


def test_two_halves_have_the_entropy_ln_2():
    assert scores([0.5, 0.5])[1] == pytest.approx(math.log(2))


def test_signs_do_not_count():
    assert scores([-3.0, 1.0, -4.0, 2.0]) == scores([3.0, 1.0, 4.0, 2.0])


def test_a_map_of_zeros_has_no_scores():
    assert all(math.isnan(value) for value in scores([0.0, 0.0]))


@settings(max_examples=40, deadline=None)
@drawn(st.lists(st.floats(0, 100), min_size=2, max_size=10).filter(lambda row: max(row) > 1e-3))
def test_the_gini_index_is_half_the_relative_mean_difference(row):
    pairs = sum(abs(a - b) for a in row for b in row)
    assert scores(row)[0] == pytest.approx(pairs / (2 * len(row) * sum(row)), abs=1e-12)
