"""Which activations are chosen, against maps whose order is plain to see."""

from __future__ import annotations

import pytest
import torch

import captum_deconvnet as cdn
from captum_deconvnet.errors import LayerError, UnitError
from captum_deconvnet.projections.selection import FeatureMap, Selection, select

# Map 0 has the largest single value, map 1 the largest sum, map 2 comes second in both.
MAPS = torch.tensor(
    [
        [[0.0, 0.0, 9.0], [0.0, 0.0, 0.0]],
        [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0]],
        [[0.0, 0.0, 0.0], [8.0, 2.0, 0.0]],
    ]
)


@pytest.fixture
def recording():
    """A network that gives its input, MAPS, back."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(3)[:, :, None, None])
    return cdn.record(net, MAPS[None], "0")


def places(units):
    return [(unit.channel, unit.row, unit.column, unit.value) for unit in units]


def test_the_strongest_unit_is_the_largest_activation_of_the_layer(recording):
    assert places(select(recording, "0", Selection())) == [(0, 0, 2, 9.0)]


def test_several_units_are_the_peaks_of_the_maps_with_the_highest_peaks(recording):
    units = select(recording, "0", Selection(count=2))
    assert places(units) == [(0, 0, 2, 9.0), (2, 1, 0, 8.0)]


def test_the_strongest_map_is_the_one_with_the_largest_sum(recording):
    maps = select(recording, "0", Selection(whole_maps=True, count=2))
    assert [(each.channel, each.value) for each in maps] == [(1, 18.0), (2, 10.0)]
    assert all(isinstance(each, FeatureMap) for each in maps)


def test_asking_for_more_than_there_is_gives_all(recording):
    assert len(select(recording, "0", Selection(count=12))) == 3


def test_a_channel_alone_means_its_strongest_unit(recording):
    assert places(select(recording, "0", Selection(((2,),)))) == [(2, 1, 0, 8.0)]


def test_a_position_means_the_unit_there_whatever_its_strength(recording):
    assert places(select(recording, "0", Selection(((2, 1, 1),)))) == [(2, 1, 1, 2.0)]


def test_units_come_in_the_order_they_were_asked_for(recording):
    units = select(recording, "0", Selection(((2,), (0,), (1, 1, 2))))
    assert [unit.channel for unit in units] == [2, 0, 1]


def test_a_channel_can_be_asked_for_as_a_whole_map(recording):
    request = Selection(((0,),), whole_maps=True)
    (found,) = select(recording, "0", request)
    assert torch.equal(found.activations, MAPS[0])


def test_equal_maps_come_in_the_order_of_their_channels():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1, bias=False))
    torch.nn.init.ones_(net[0].weight)
    recording = cdn.record(net, MAPS[None], "0")
    assert [unit.channel for unit in select(recording, "0", Selection(count=3))] == [0, 1, 2]


@pytest.mark.parametrize(
    ("position", "said"),
    [
        ((3,), "has 3 channels, 0 to 2; channel 3"),
        ((0, 2, 0), "has 2 rows, 0 to 1; row 2"),
        ((0, 0, 3), "has 3 columns, 0 to 2; column 3"),
    ],
)
def test_a_unit_outside_its_layer_is_refused_with_what_there_is(recording, position, said):
    with pytest.raises(UnitError, match=said):
        select(recording, "0", Selection((position,)))


def test_a_vector_is_maps_of_one_position():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Flatten(), torch.nn.Linear(18, 4))
    recording = cdn.record(net, MAPS[None], "2")
    (unit,) = select(recording, "2", Selection())
    assert places([unit]) == [(int(recording.output.argmax()), 0, 0, float(recording.output.max()))]


def test_a_layer_of_tokens_is_refused():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Flatten(2), torch.nn.Linear(6, 6))
    recording = cdn.record(net, MAPS[None], "2")
    with pytest.raises(LayerError, match=r"\(3, 6\)"):
        select(recording, "2", Selection())
