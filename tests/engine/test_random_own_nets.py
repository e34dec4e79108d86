"""Random nets as people write them, against autograd on a twin written for it.

``RANDOM_OWN_NETS=1000`` runs that many, newly drawn, at night.
"""

from __future__ import annotations

import os

import pytest
import random_own_nets
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import captum_deconvnet as cdn

EXAMPLES = int(os.environ.get("RANDOM_OWN_NETS", "60"))
CHECKPOINTS = "ignore:None of the inputs have requires_grad"


def unit_of(output, pick):
    """One place of the first image."""
    channel, rest = pick % output.shape[1], pick // 7
    return cdn.Unit(0, "top", channel, rest % output.shape[2], rest // 5 % output.shape[3])


def twin_projection(net, images, family, unit):
    """Autograd on the twin, and where the unit's value depends on the images."""
    leaf = images.clone().requires_grad_()
    output = net(leaf, family)
    (found,) = torch.autograd.grad(output[0, unit.channel, unit.row, unit.column], leaf)
    return found[0]


def check(net, images, pick):
    """Outputs, both families, many units at once, patches and the receptive field."""
    output = net(images.clone(), "gradient").detach()
    units = [unit_of(output, pick + step) for step in (0, 11, 26)]
    for family in random_own_nets.FAMILIES:
        recording = cdn.record(net, images, "top", relu=family)
        assert torch.equal(recording.output, output)
        several = recording.project(units, seed=1.0)
        patches = recording.project_patches(units, seed=1.0)
        for unit, found, patch in zip(units, several, patches, strict=True):
            want = twin_projection(net, images, family, unit)
            scale = max(1.0, float(want.abs().max()))
            torch.testing.assert_close(found / scale, want / scale, rtol=1e-9, atol=1e-9)
            box = patch.box
            inside = want[:, box.top : box.bottom, box.left : box.right]
            torch.testing.assert_close(patch.pixels / scale, inside / scale, rtol=1e-9, atol=1e-9)
            assert inside.count_nonzero() == want.count_nonzero()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="RANDOM_OWN_NETS" not in os.environ,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.filterwarnings(CHECKPOINTS)
@given(case=random_own_nets.own_nets(), pick=st.integers(0, 2**16))
def test_a_random_net_projects_as_its_twin_does(case, pick):
    """Any piece after any other."""
    check(*case, pick)


@pytest.mark.filterwarnings(CHECKPOINTS)
@pytest.mark.parametrize("name", random_own_nets.PIECES)
def test_every_piece_projects_as_its_twin_does(name):
    """After a convolution and a ReLU, and before them."""
    torch.manual_seed(0)
    names = ("convolution by keyword", "relu", name, "relu", "narrowing convolution")
    net = random_own_nets.OwnNet([random_own_nets.Node(name, 0, 1) for name in names])
    check(net.double().eval(), torch.randn(2, 2, 20, 19).double(), 5)
