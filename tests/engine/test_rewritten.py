"""A spelling rewritten at random has the rule and scale of the torch function, or is named.

``RANDOM_SPELLINGS=2000`` runs that many, newly drawn, at night.
"""

from __future__ import annotations

import os

import pytest
import rewritten
import spellings
import torch
import torch.nn.functional as F
from hypothesis import event, given, settings
from hypothesis import strategies as st
from spellings import Skip, image
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXAMPLES = int(os.environ.get("RANDOM_SPELLINGS", "60"))
EXACT = {"rtol": 1e-9, "atol": 1e-11}
UNDERFLOWS = {"logsigmoid": {"log"}, "softplus": {"log"}}
"""log((1 + tanh(x / 2)) / 2) is -inf from -38 down: no function of torch, and named."""

RANDOM = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="RANDOM_SPELLINGS" not in os.environ,
    database=None,
    report_multiple_bugs=False,
)
CHOICES = st.lists(st.integers(0, 4), min_size=1, max_size=8)
FAMILIES = st.sampled_from(["deconvnet", "guided"])


def projections(nets, relu):
    return [cdn.DeconvNet(net, relu=relu).attribute(image(), 1) for net in nets]


@RANDOM
@given(
    case=st.sampled_from(spellings.CASES),
    choices=CHOICES,
    whole=st.sampled_from([*rewritten.WHOLE]),
    relu=FAMILIES,
)
def test_a_rewritten_spelling_projects_as_the_torch_function_or_is_named(
    case, choices, whole, relu
):
    name, spelling = case
    function, ways = spellings.SPELLINGS[name]
    torchs, spelled = Skip(function), Skip(rewritten.rewritten(ways[spelling], choices, whole))
    with torch.no_grad():
        assert_close(spelled(image()), torchs(image()), rtol=1e-4, atol=1e-4)
    found, expected = projections((spelled, torchs), relu)
    if torch.allclose(found, expected, **EXACT):
        event("equal")
        return
    event(f"named: {name}")
    fallbacks = cdn.record(spelled, image(), relu=relu).receipt.fallbacks
    assert {entry.operation for entry in fallbacks} == UNDERFLOWS.get(name)


class SqueezeExcite(nn.Module):
    """A gate a channel, made from the means."""

    def __init__(self, gate):
        super().__init__()
        self.gate, self.inner = (
            gate,
            nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU(), nn.Conv2d(3, 4, 1)),
        )

    def forward(self, x):
        return x * self.gate(self.inner(x.mean((2, 3), keepdim=True)))


class GatedLinearUnit(nn.Module):
    """Half of the channels gates the other half."""

    def __init__(self, gate):
        super().__init__()
        self.gate, self.inner = gate, nn.Conv2d(4, 8, 3, padding=1)

    def forward(self, x):
        signal, gate = self.inner(x).chunk(2, 1)
        return self.gate(gate) * signal


class GatedInPlace(GatedLinearUnit):
    """The gate is put where it was made from."""

    def forward(self, x):
        signal, gate = self.inner(x).chunk(2, 1)
        return signal * gate.copy_(self.gate(gate))


GATES = {"sigmoid": torch.sigmoid, "hardsigmoid": F.hardsigmoid, "tanh": torch.tanh}
GATED = (SqueezeExcite, GatedLinearUnit, GatedInPlace)


def gated(kind, gate):
    """A net with the unit in it; the numbers of its filters do not depend on the gate."""
    torch.manual_seed(3)
    return Skip(kind(gate)).double()


@pytest.mark.parametrize("kind", GATED)
@pytest.mark.parametrize(
    ("name", "spelling"), [case for case in spellings.CASES if case[0] in GATES]
)
def test_a_gate_spelled_out_is_a_recorded_constant(kind, name, spelling):
    ways = spellings.SPELLINGS[name][1]
    torchs, spelled = gated(kind, GATES[name]), gated(kind, ways[spelling])
    assert_close(*projections((spelled, torchs), "deconvnet"), **EXACT)
    receipt = cdn.record(spelled, image(), strict=True).receipt
    assert [entry.rule for entry in receipt.entries].count("frozen gate") == 1


@RANDOM
@given(
    case=st.sampled_from([case for case in spellings.CASES if case[0] in GATES]),
    kind=st.sampled_from(GATED),
    choices=CHOICES,
    whole=st.sampled_from([*rewritten.WHOLE]),
    relu=FAMILIES,
)
def test_a_gate_rewritten_is_a_recorded_constant(case, kind, choices, whole, relu):
    name, spelling = case
    gate = rewritten.rewritten(spellings.SPELLINGS[name][1][spelling], choices, whole)
    assert_close(*projections((gated(kind, gate), gated(kind, GATES[name])), relu), **EXACT)


def test_the_gated_linear_unit_of_torch_is_the_one_in_arithmetic():
    class Torchs(GatedLinearUnit):
        def forward(self, x):
            return F.glu(self.inner(x), 1)

    nets = (gated(Torchs, None), gated(GatedLinearUnit, lambda x: 1 / (1 + (-x).exp())))
    assert_close(*projections(nets, "deconvnet"), **EXACT)
