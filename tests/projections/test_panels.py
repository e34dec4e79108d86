"""Titles of rows and panels: layer, channel, position, activation."""

from __future__ import annotations

import pytest
import torch

import captum_deconvnet as cdn
from captum_deconvnet.projections.projected_layers import (
    LONGEST_NAME,
    draw_layers,
    project_layers,
    shortened,
)
from captum_deconvnet.projections.selection import Selection


@pytest.fixture
def figure():
    """The figure of a 3 by 5 filter of ones on an image that is 1 at row 4, column 6."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, (3, 5), padding=(1, 2), bias=False))
    torch.nn.init.ones_(net[0].weight)
    image = torch.zeros(1, 3, 9, 11)
    image[:, :, 4, 6] = 1.0

    def call(**request):
        recordings = {"deconvnet": cdn.record(net, image, "0")}
        layers = project_layers(recordings, ["0"], Selection(**request))
        return draw_layers(image[0].permute(1, 2, 0), layers, ["0"], "title")

    return call


def captions(figure):
    return [[text.get_text() for text in reversed(axes.texts)] for axes in figure.axes]


def test_a_unit_is_titled_with_its_channel_position_and_activation(figure):
    row, unit, projection = captions(figure(positions=((1, 4, 5),)))
    assert row == ["layer 1: 0", "sees 3\u00d75 px"]
    assert unit == ["map 1 at 4,5", "activation 3"]
    assert projection == ["deconvnet", "\u00d70.167"]  # the seed 3 through weights of 1: 0.5 / 3


def test_the_panels_show_the_receptive_field_of_the_unit(figure):
    _, patch, projection = (
        axes.images[0].get_array() for axes in figure(positions=((1, 4, 5),)).axes
    )
    assert patch.shape == projection.shape == (3, 5, 3)
    assert patch[1, 3].tolist() == [1.0, 1.0, 1.0]  # the lit pixel, one right of the centre
    assert patch.sum() == 3.0
    assert (projection == 1.0).all()  # the filter of ones fills the field


def test_a_map_is_titled_with_its_channel_and_sum(figure):
    _, unit, _ = captions(figure(positions=((0,),), whole_maps=True))
    assert unit == ["map 0", "sum 45"]  # 3 channels times the 15 places that see the lit pixel


def test_a_long_path_keeps_its_end_and_fits():
    short = shortened("stages.3.blocks.22.attention.projection", 4)
    assert len(short) == LONGEST_NAME
    assert short.startswith("layer 4: \u2026")
    assert short.endswith("projection")


def test_a_layer_that_is_no_stage_has_no_number():
    assert shortened("features.1", None) == "features.1"
