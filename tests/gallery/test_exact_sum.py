"""Exact sums against Python's own exact fractions."""

from __future__ import annotations

from fractions import Fraction

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captum_deconvnet.gallery import exact_sum

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_a_sum_is_exact_and_the_same_in_any_order(numbers, chance):
    shuffled = chance.sample(numbers, len(numbers))
    limbs = exact_sum.empty(1)
    for number in shuffled:
        limbs = exact_sum.add(limbs, torch.tensor([[number]], dtype=torch.float32))
    at_once = exact_sum.add(exact_sum.empty(1), torch.tensor(numbers).float().unsqueeze(1))
    assert torch.equal(limbs, at_once)
    assert exact_sum.total(limbs).item() == float(sum(Fraction(number) for number in numbers))


def test_a_small_number_is_not_lost_beside_large_ones():
    numbers = torch.tensor([[1e30], [1e-30], [-1e30]])
    limbs = exact_sum.add(exact_sum.empty(1), numbers)
    assert exact_sum.total(limbs).item() == torch.tensor(1e-30).double().item()
