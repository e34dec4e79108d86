"""Maps in colours, names at curves, colours of families."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captum_deconvnet_benchmarks.report.gallery import map_picture, reduced
from captum_deconvnet_benchmarks.report.plots import CONTROL, FAMILIES, colour, family, spread


def test_what_speaks_for_the_class_is_red_and_what_speaks_against_it_blue():
    attribution = np.zeros((3, 2, 2))
    attribution[:, 0, 0], attribution[:, 1, 1], attribution[0, 0, 1] = 1, -1, np.nan
    pixels = np.asarray(map_picture(attribution)).astype(int)
    assert pixels[0, 0, 0] > pixels[0, 0, 2] + 50
    assert pixels[1, 1, 2] > pixels[1, 1, 0] + 50
    assert pixels[1, 0].min() > 240  # zero is white, nearly
    assert pixels[0, 1].tolist() == [0, 0, 0]  # what is not finite is black


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_map_of_nothing_is_drawn(value):
    assert len(map_picture(np.full((1, 3, 3), value)).getcolors()) == 1


def test_large_maps_are_reduced_and_small_ones_left():
    assert reduced(map_picture(np.ones((1, 320, 640)))).size == (160, 80)
    assert reduced(map_picture(np.ones((1, 28, 28)))).size == (28, 28)


@pytest.mark.parametrize(
    ("explainer", "name"),
    [
        ("deconvnet-x-input", "deconvnet"),
        ("captum/deconvolution", "deconvnet"),
        ("captum/guided-backprop", "guided"),
        ("captum/grad-cam", "class activation maps"),
        ("captum/deep-lift", "gradient"),
        ("captum/feature-ablation", "covering"),
        ("somebody/else", "others"),
    ],
)
def test_explainers_that_work_alike_share_a_colour(explainer, name):
    assert family(explainer).name == name
    assert colour(explainer, control=True) == CONTROL


def test_no_two_families_share_a_colour():
    assert len({each.colour for each in FAMILIES} | {CONTROL}) == len(FAMILIES) + 1


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_names_stand_in_the_order_of_their_curves_and_apart(heights):
    places = spread(np.array(heights), 0.0, 1.0)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(places[order]) >= 1 / len(heights) - 1e-12).all()
    assert places.min() >= 0
    assert places.max() <= 1
