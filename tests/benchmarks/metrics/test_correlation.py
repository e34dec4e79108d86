from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captum_deconvnet_benchmarks.metrics.similarity import average_ranks, cosine, pearson, spearman

# few different values, so that there are ties
ROWS = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 1.0, 3.0]), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_ranks_are_scipys_with_ties_shared(row):
    assert average_ranks(torch.tensor(row)).tolist() == scipy.stats.rankdata(row).tolist()


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms())
def test_correlations_are_scipys(row, random):
    other = random.sample(row, len(row))
    left, right = torch.tensor([row]), torch.tensor([other])
    if len(set(row)) == 1:
        assert torch.isnan(spearman(left, right)).all()
        assert torch.isnan(pearson(left, right)).all()
        return
    assert float(spearman(left, right)) == pytest.approx(
        scipy.stats.spearmanr(row, other).statistic, abs=1e-12
    )
    assert float(pearson(left, right)) == pytest.approx(np.corrcoef(row, other)[0, 1], abs=1e-12)


def test_a_constant_row_has_no_correlation_and_a_zero_row_no_angle():
    ones, row = torch.full((1, 4), 0.1), torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert torch.isnan(pearson(ones, row)).all()
    assert torch.isnan(cosine(torch.zeros(1, 4), row)).all()


def test_tiny_and_huge_rows_have_an_angle():
    row = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert float(cosine(row * 1e-200, row * 1e200)) == pytest.approx(1)
