"""Recordings are copied, and say why they are not pickled."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import RecordingError


def recorded():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 2)).eval()
    return cdn.record(net, torch.rand(2, 3, 8, 8), "2")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_projects_what_the_recording_does(copied):
    recording, unit = recorded(), cdn.Unit(1, "2", 1, 2, 2)
    assert torch.equal(copied(recording).project(unit), recording.project(unit))


def test_a_recording_says_why_it_is_not_pickled():
    with pytest.raises(RecordingError, match="record again"):
        pickle.dumps(recorded())
