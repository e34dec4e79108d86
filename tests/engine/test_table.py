"""The table's rows against torch's own schemas, and what interpolation can see."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.engine.rules.replay import Linear
from captum_deconvnet.engine.rules.table import TABLE

LINEAR = {name: row.rule.flows for name, row in TABLE.items() if isinstance(row.rule, Linear)}
CHOOSING = {"mask", "condition", "indices", "index", "repeats", "grid", "weight"}


def overloads(name):
    """The overloads that models come down to: not ``out=``, not composites, not of lists."""
    packet = getattr(torch.ops.aten, name)
    found = [getattr(packet, overload) for overload in packet.overloads()]
    return [one for one in found if one._overloadname not in ("vec", "vec_out", "list_Tensor")]


@pytest.mark.parametrize("name", TABLE)
def test_every_row_is_an_operation_of_torch(name):
    assert getattr(torch.ops.aten, name).overloads()


@pytest.mark.parametrize("name", LINEAR)
def test_no_argument_that_can_carry_a_signal_is_forgotten(name):
    """The arguments a row calls linear exist; the other tensors only choose places."""
    arguments = [one for overload in overloads(name) for one in overload._schema.arguments]
    written = {one.name for one in arguments if one.kwarg_only and one.alias_info}
    given = {one.name for one in arguments if "Tensor" in str(one.type)} - written
    assert set(LINEAR[name]) <= {one.name for one in arguments}
    assert given - set(LINEAR[name]) <= CHOOSING


def resize(**options):
    return lambda y: F.interpolate(y, **options)


SIZES = [{"size": (5, 7)}, {"size": (20, 13)}, {"size": (40, 23)}, {"scale_factor": 0.7}]
SMOOTH = [{}, {"align_corners": True}, {"antialias": True}]
MODES = {"nearest": [{}], "nearest-exact": [{}], "bilinear": SMOOTH, "bicubic": SMOOTH}
SEEING = {
    ", ".join([mode, *map(str, size.values()), *more]): resize(mode=mode, **size, **more)
    for mode, options in MODES.items()
    for more, size in itertools.product(options, SIZES)
} | {
    f"padding by {mode}": lambda y, mode=mode: F.pad(y, (3, 1, 2, 4), mode=mode)
    for mode in ("constant", "reflect", "replicate", "circular")
}


@pytest.mark.parametrize("name", SEEING)
def test_nothing_outside_the_receptive_field_is_seen(name):
    """The gradient of every unit is zero outside its box."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.top = nn.Conv2d(1, 1, 1).double(), nn.Identity()

        def forward(self, x):
            return self.top(SEEING[name](self.conv(x)))

    recording = cdn.record(Net(), torch.randn(1, 1, 10, 11).double(), "top", relu="gradient")
    field = recording.receptive_field("top")
    height, width = recording.output.shape[-2:]
    places = [*itertools.product(range(0, height, 3), range(width))]
    units = [cdn.Unit(0, "top", 0, row, column) for row, column in places]
    for (row, column), projection in zip(places, recording.project(units, seed=1.0), strict=True):
        box = field.box(row, column)
        projection[:, box.top : box.bottom, box.left : box.right] = 0
        assert projection.abs().max() < 1e-12
