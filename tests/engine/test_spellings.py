"""An activation of torch has one rule and one scale, however it is written."""

from __future__ import annotations

import pytest
import spellings
import torch
import torch.nn.functional as F
from spellings import Skip, image
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-9, "atol": 1e-11}
FAMILIES = ["deconvnet", "guided", "gradient", "adjoint"]


def pair(name, spelling):
    function, ways = spellings.SPELLINGS[name]
    return Skip(function), Skip(ways[spelling])


@pytest.mark.parametrize("relu", FAMILIES)
@pytest.mark.parametrize(("name", "spelling"), spellings.CASES)
def test_a_spelling_projects_as_the_torch_function(name, spelling, relu):
    torchs, spelled = pair(name, spelling)
    assert_close(spelled(image()), torchs(image()), rtol=1e-4, atol=1e-4)
    found, expected = (
        cdn.DeconvNet(net, relu=relu, strict=True).attribute(image(), 1)
        for net in (spelled, torchs)
    )
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if relu == "gradient" else EXACT
    assert_close(found, expected, **tolerance)


BEFORE = {
    "tanh": torch.tanh,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "leaky": lambda x: F.leaky_relu(x, 0.3),
    "absolute": torch.abs,
    "a shift": lambda x: x + 3,
}


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(("name", "spelling"), spellings.CASES)
def test_a_spelling_after_another_activation_projects_as_the_torch_function(name, spelling, before):
    """It is an activation of what it was given, and not of what that was made from."""
    function, ways = spellings.SPELLINGS[name]
    torchs, spelled = (
        Skip(lambda x, last=last: last(BEFORE[before](x))) for last in (function, ways[spelling])
    )
    for relu in ("deconvnet", "guided"):
        found, expected = (
            cdn.DeconvNet(net, relu=relu).attribute(image(), 1) for net in (spelled, torchs)
        )
        assert_close(found, expected, **EXACT)
