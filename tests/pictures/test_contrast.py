"""The mapping of signed values to a picture, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from captum_deconvnet.pictures.display import stretch


def test_zero_is_mid_grey_and_the_largest_magnitude_reaches_the_end_of_the_range():
    picture, factor = stretch(np.array([[[-4.0, 0.0, 2.0]]]))
    assert picture.tolist() == [[[0.0, 0.5, 0.75]]]
    assert factor == 0.125


def test_the_picture_can_be_turned_back_into_the_projection():
    projection = np.random.default_rng(0).normal(size=(5, 7, 3))
    picture, factor = stretch(projection)
    np.testing.assert_allclose((picture - 0.5) / factor, projection, rtol=1e-12)


def test_all_channels_share_one_factor():
    projection = np.zeros((2, 2, 3))
    projection[0, 0] = [8.0, 4.0, -2.0]
    picture, _ = stretch(projection)
    assert picture[0, 0].tolist() == [1.0, 0.75, 0.375]


def test_a_projection_of_zeros_is_mid_grey_all_over():
    picture, factor = stretch(np.zeros((3, 3, 3)))
    assert factor == 0.0
    assert (picture == 0.5).all()


def test_a_percentile_clips_what_lies_above_it():
    projection = np.array([1.0, -1.0, 1.0, -1.0, 100.0]).reshape(1, 5, 1)
    picture, factor = stretch(projection, percentile=75)
    assert factor == 0.5
    assert picture.ravel().tolist() == [1.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e20])
def test_the_picture_does_not_depend_on_the_scale_of_the_projection(scale):
    projection = np.array([[[1.0, -0.5, 0.25]]])
    np.testing.assert_allclose(stretch(projection * scale)[0], stretch(projection)[0])
