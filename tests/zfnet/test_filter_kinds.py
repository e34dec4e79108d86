"""Edges and pairs of colours, told apart in filters that are made to be one or the other."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captum_deconvnet_zfnet.filters.measures import Kinds, components, kinds, orientation

GREY = torch.ones(3) / math.sqrt(3)


def gabor(angle, period=5.0, side=7):
    """A wave under a bump, its waves running along ``angle``."""
    places = torch.arange(side) - side // 2
    rows, columns = torch.meshgrid(places, places, indexing="ij")
    along = columns * math.cos(angle) + rows * math.sin(angle)
    bump = torch.exp(-(rows**2 + columns**2) / (2 * 2.0**2))
    return bump * torch.sin(2 * math.pi * along / period)


def spot(side=7):
    places = torch.arange(side) - side // 2
    return torch.exp(-(places[:, None] ** 2 + places**2) / (2 * 2.0**2))


def filters(colour, pattern):
    return (torch.as_tensor(colour)[:, None, None] * pattern)[None]


@given(st.floats(0, math.pi))
@settings(max_examples=30, deadline=None)
def test_a_grey_wave_of_any_orientation_is_an_edge_and_no_pair_of_colours(angle):
    assert kinds(filters(GREY, gabor(angle))) == Kinds(1, 0, 1)


@pytest.mark.parametrize("colour", [(1.0, -1.0, 0.0), (-0.5, -0.5, 1.0), (1.0, 0.2, -1.0)])
def test_a_spot_in_one_colour_against_another_is_a_pair_of_colours_and_no_edge(colour):
    assert kinds(filters(colour, spot())) == Kinds(0, 1, 1)


def test_a_wave_in_two_colours_is_both_and_a_grey_spot_neither():
    assert kinds(filters((1.0, -1.0, 0.0), gabor(0.3))) == Kinds(1, 1, 1)
    assert kinds(filters(GREY, spot())) == Kinds(0, 0, 0)


@pytest.mark.parametrize("side", [7, 11])
def test_filters_of_noise_are_neither(side):
    noise = torch.randn(2000, 3, side, side, generator=torch.Generator().manual_seed(0))
    assert kinds(noise).either < 0.001


def test_grey_filters_are_edges_or_nothing():
    both = torch.stack([gabor(1.0), spot()])[:, None]
    assert kinds(both) == Kinds(0.5, 0, 0.5)


def test_a_component_is_one_colour_times_one_pattern_and_its_share_of_the_energy():
    colour = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    other = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    one, two = torch.zeros(2, 3, 3, dtype=torch.float64)
    one[0, 0], two[2, 1] = 3, 1
    share, found, pattern = components(filters(colour, one) + filters(other, two))
    energy = float(9 * colour.square().sum()), float(other.square().sum())
    assert float(share) == pytest.approx(energy[0] / sum(energy))
    sign = found[0, 0].sign()
    torch.testing.assert_close(sign * found[0], colour / colour.norm())
    torch.testing.assert_close(sign * pattern[0], one / 3)


def test_the_orientation_of_a_long_wave_is_whole_and_of_a_point_none():
    wave = torch.cos(2 * math.pi * 8 / 64 * torch.arange(64)).expand(64, 64)
    point = torch.zeros(64, 64)
    point[32, 32] = 1
    assert orientation(wave[None]).item() == pytest.approx(1)
    assert orientation(point[None]).item() == pytest.approx(0, abs=2e-2)


def test_a_filter_of_nothing_is_neither():
    assert kinds(torch.zeros(2, 3, 7, 7)) == Kinds(0, 0, 0)
