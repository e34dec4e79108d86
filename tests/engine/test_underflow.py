"""Underflow: a picture that its type is too small for comes with a warning, never in silence."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from captum.attr import NeuronDeconvolution
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import NonFiniteError, UnderflowWarning

DEPTH = 12


def chain(weight, depth=DEPTH):
    """Filters of one weight, one after another: a seed is multiplied by weight**depth."""
    layers = [nn.Conv2d(1, 1, 1) for _ in range(depth)]
    for layer in layers:
        nn.init.constant_(layer.weight, weight)
        nn.init.constant_(layer.bias, 1.0)
    return nn.Sequential(*layers)


IMAGE = torch.ones(1, 1, 3, 3)
UNIT = cdn.Unit(0, str(DEPTH - 1), 0, 1, 1)


def test_an_empty_picture_from_small_weights_is_said():
    """1e-4 to the twelfth is 1e-48, which float32 does not hold."""
    recording = cdn.record(chain(1e-4), IMAGE, UNIT.layer)
    with pytest.warns(UnderflowWarning, match=r"model\.double\(\)"):
        projection = recording.project(UNIT, seed=1.0)
    assert not projection.any()


def test_the_remedies_that_the_warning_names_work():
    """A wider type has the value 1e-48; a larger seed brings it in range."""
    wide = cdn.record(chain(1e-4).double(), IMAGE.double(), UNIT.layer)
    assert float(wide.project(UNIT, seed=1.0).max()) == pytest.approx(1e-48)
    large = cdn.record(chain(1e-4), IMAGE, UNIT.layer)
    assert float(large.project(UNIT, seed=1e30).max()) == pytest.approx(1e-18, rel=1e-5)


def test_lost_digits_are_said_too():
    """1e-40 is stored with a few digits only."""
    recording = cdn.record(chain(1e-4, depth=10), IMAGE, "9")
    with pytest.warns(UnderflowWarning, match="1.2e-38"):
        assert recording.project(cdn.Unit(0, "9", 0, 1, 1), seed=1.0).any()


def test_only_one_of_several_units_underflows():
    """The other's seed is large enough; so is every signal of a map that is projected whole."""
    recording = cdn.record(chain(1e-4), torch.ones(2, 1, 3, 3), UNIT.layer)
    signal = torch.zeros(2, 1, 3, 3)
    signal[:, 0, 1, 1] = torch.tensor([1.0, 1e30])
    with pytest.warns(UnderflowWarning):
        recording.project_signal(UNIT.layer, signal)
    signal[0, 0, 1, 1] = 0
    recording.project_signal(UNIT.layer, signal)


def test_patches_say_it_as_pictures_do():
    """And not of a unit whose seed is large enough, or zero."""
    recording = cdn.record(chain(1e-4), IMAGE, UNIT.layer)
    with pytest.warns(UnderflowWarning):
        assert not recording.project_patches([UNIT, UNIT], seed=1.0)[0].pixels.any()
    assert recording.project_patches(UNIT, seed=1e30)[0].pixels.any()
    assert not recording.project_patches(UNIT, seed=0.0)[0].pixels.any()


def test_a_picture_that_is_truly_empty_is_no_underflow():
    """A negative filter above a ReLU lets nothing back; neither does a seed of zero."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Conv2d(1, 1, 1))
    nn.init.constant_(net[2].weight, -1.0)
    recording = cdn.record(net, IMAGE, "2")
    unit = cdn.Unit(0, "2", 0, 1, 1)
    assert not recording.project(unit, seed=1.0).any()
    assert not recording.project(unit, seed=0.0).any()


def test_overflow_is_refused():
    """1e30 times 1e5 to the third is 1e45; float32 ends at 3e38."""
    recording = cdn.record(chain(1e5, depth=3), IMAGE, "2")
    with pytest.raises(NonFiniteError, match="overflows"):
        recording.project(cdn.Unit(0, "2", 0, 1, 1), seed=1e30)


def test_the_captum_classes_say_it_as_well():
    """Captum's own class returns the empty picture in silence."""
    net = chain(1e-4)
    with pytest.warns(UnderflowWarning):
        assert not cdn.NeuronDeconvNet(net, net[-1]).attribute(IMAGE, (0, 1, 1)).any()
    theirs = copy.deepcopy(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not NeuronDeconvolution(theirs, theirs[-1]).attribute(IMAGE, (0, 1, 1)).any()
