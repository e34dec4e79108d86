"""The geometry of a crop, against boxes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captum_deconvnet import Box
from captum_deconvnet.pictures.display import Crop, crop_of, overhang


def test_a_field_inside_the_image_is_cut_as_it_is():
    picture = np.arange(6 * 8 * 1.0).reshape(6, 8, 1)
    crop = crop_of(Box(1, 2, 4, 5), (3, 3), (6, 8))
    assert crop == Crop(Box(1, 2, 4, 5))
    assert crop.cut(picture, 0.5)[:, :, 0].tolist() == [
        [10.0, 11.0, 12.0],
        [18.0, 19.0, 20.0],
        [26.0, 27.0, 28.0],
    ]


def test_a_field_over_the_top_left_corner_gets_its_missing_margin_there():
    # A 3 by 3 field that starts at (-1, -2) of a 4 by 4 image sees rows 0-1 and column 0.
    crop = crop_of(Box(0, 0, 2, 1), (3, 3), (4, 4))
    cut = crop.cut(np.ones((4, 4, 1)), 0.5)[:, :, 0]
    assert cut.tolist() == [[0.5, 0.5, 0.5], [0.5, 0.5, 1.0], [0.5, 0.5, 1.0]]


def test_a_field_over_the_bottom_right_corner_gets_its_missing_margin_there():
    crop = crop_of(Box(2, 3, 4, 4), (3, 3), (4, 4))
    cut = crop.cut(np.ones((4, 4, 1)), 0.0)[:, :, 0]
    assert cut.tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_a_field_as_large_as_the_image_gets_no_margin():
    assert crop_of(Box(0, 0, 5, 9), (20, 20), (9, 9)).margins == (0, 0, 0, 0)


def test_axes_are_treated_apart_when_the_field_is_not_square():
    crop = crop_of(Box(0, 0, 2, 10), (3, 12), (9, 10))
    assert crop.margins == (1, 0, 0, 0)


@given(extent=st.integers(2, 40), size=st.integers(1, 39), start=st.integers(-38, 39))
def test_any_field_smaller_than_the_image_is_shown_at_its_own_size(extent, size, start):
    first, last = max(0, start), min(extent, start + size)
    if size >= extent or first >= last:
        return
    before, after = overhang(first, last, size, extent)
    assert (before, after) == (max(0, -start), max(0, start + size - extent))


def test_all_channels_are_cut_alike():
    picture = np.stack([np.zeros((4, 4)), np.ones((4, 4))], axis=-1)
    cut = crop_of(Box(0, 0, 1, 2), (2, 2), (4, 4)).cut(picture, 0.5)
    assert cut.shape == (2, 2, 2)
    assert cut[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert cut[1].tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("fill", [0.0, 0.5, 1.0])
def test_the_margin_holds_the_fill(fill):
    cut = Crop(Box(0, 0, 1, 1), (1, 0, 0, 0)).cut(np.full((1, 1, 3), 0.25), fill)
    assert cut[0, 0].tolist() == [fill] * 3
