"""Placements against numpy's own moves, scipy's sampling and hand values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captum_deconvnet.invariance.placement import Placement, place

ndimage = pytest.importorskip("scipy.ndimage", reason="the extra bench brings scipy")


def picture(height=7, width=9):
    return torch.arange(2.0 * 3 * height * width).view(2, 3, height, width)


def test_a_move_down_by_two_puts_two_rows_of_fill_at_the_top():
    moved = place(picture(), Placement(down=2), fill=-1.0)
    assert (moved[..., :2, :] == -1).all()
    assert torch.equal(moved[..., 2:, :], picture()[..., :-2, :])


@settings(deadline=None, max_examples=50)
@given(st.integers(-6, 6), st.integers(-8, 8))
def test_whole_shifts_are_scipys(down, right):
    moved = place(picture(), Placement(down=down, right=right), fill=0.5)
    expected = ndimage.shift(picture().numpy(), (0, 0, down, right), order=0, cval=0.5)
    assert np.array_equal(moved.numpy(), expected)


@pytest.mark.parametrize("degrees", [90, 180, 270, -90, 450])
def test_right_turns_are_numpys_counter_clockwise(degrees):
    square = picture(8, 8)
    expected = np.rot90(square.numpy(), degrees // 90, (-2, -1))
    assert np.array_equal(place(square, Placement(degrees=degrees)).numpy(), expected)


def test_a_general_turn_goes_the_same_way_round_as_a_right_turn():
    square = torch.zeros(1, 1, 9, 9)
    square[0, 0, 4, 8] = 1  # at three o'clock
    turned = place(square, Placement(degrees=80))
    assert divmod(int(turned.argmax()), 9) == (0, 5)  # nearly twelve o'clock


def test_a_turn_is_scipys():
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(15, 15)), 2)
    turned = place(torch.from_numpy(smooth)[None, None], Placement(degrees=30))
    expected = ndimage.rotate(smooth, 30, reshape=False, order=1)
    inside = slice(4, -4)
    assert np.abs(turned[0, 0].numpy() - expected)[inside, inside].max() < 1e-6


def test_doubling_keeps_the_centre_and_shows_the_middle_half():
    columns = torch.arange(8.0, dtype=torch.float64).expand(1, 1, 8, 8)
    doubled = place(columns, Placement(scale=2.0))[0, 0, 0]
    # The centre of eight columns is 3.5; column c shows 3.5 + (c - 3.5) / 2.
    assert torch.allclose(doubled, 3.5 + (columns[0, 0, 0] - 3.5) / 2)


@pytest.mark.parametrize(
    "placement",
    [Placement(down=3), Placement(right=-1.5), Placement(scale=1.25), Placement(degrees=20)],
)
def test_the_inverse_brings_a_smooth_picture_back(placement):
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    smooth = torch.sin(rows / 9) * torch.cos(columns / 9)
    back = place(place(smooth[None, None], placement), placement.inverse())[0, 0]
    inside = slice(10, -10)
    assert (back - smooth)[inside, inside].abs().max() < 0.01


def test_a_fill_for_every_channel_comes_in_at_every_border():
    for placement in (Placement(down=4), Placement(scale=0.5), Placement(degrees=45)):
        moved = place(torch.zeros(1, 3, 9, 9), placement, fill=(1.0, 2.0, 3.0))
        assert moved[0, :, 0, 0].tolist() == [1.0, 2.0, 3.0]


def test_the_picture_given_is_not_changed():
    given_picture = picture()
    for placement in (Placement(), Placement(down=1), Placement(degrees=90), Placement(scale=2)):
        place(given_picture, placement)
    assert torch.equal(given_picture, picture())
