"""Which views of a storage share numbers, and what a change of one leaves of the others."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.engine.aliases.in_place_changes import are_apart
from captum_deconvnet.engine.aliases.storages import place_of

CUTS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(1, 5), st.integers(1, 2)),
    max_size=3,
)


def cut(tensor, cuts):
    """A view, by slices, selections, transpositions and windows."""
    for kind, start, length, step in cuts:
        if not tensor.dim():
            break
        dim = start % tensor.dim()
        if kind == 0:
            tensor = tensor.select(dim, length % tensor.shape[dim])
        elif kind == 1:
            tensor = tensor.transpose(0, dim)
        elif kind == 2 and tensor.shape[dim] > 2:
            tensor = tensor.unfold(dim, 2, step)
        else:
            first = start % tensor.shape[dim]
            tensor = tensor[(slice(None),) * dim + (slice(first, first + length, step),)]
    return tensor


@settings(max_examples=500, deadline=None)
@given(CUTS, CUTS)
def test_places_that_are_told_apart_share_no_number(one, other):
    """Against every element's address."""
    numbers = torch.arange(120).view(2, 3, 4, 5)
    views = cut(numbers, one), cut(numbers, other)
    shared = set(views[0].flatten().tolist()) & set(views[1].flatten().tolist())
    if are_apart(*map(place_of, views)):
        assert not shared


@pytest.mark.parametrize("dim", range(4))
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 3), (3, 1), (2, 2), (2, 1, 1)])
def test_the_parts_of_a_tensor_are_told_apart(dim, sizes):
    parts = torch.empty(4, 4, 4, 4).split(sizes, dim)
    for place, part in enumerate(parts):
        assert [are_apart(place_of(part), place_of(other)) for other in parts] == [
            number != place for number in range(len(parts))
        ]


class Gates(nn.Module):
    """Chunks of one filter's output, two of which gate the third."""

    def __init__(self, change):
        super().__init__()
        torch.manual_seed(0)
        self.filters, self.top, self.change = nn.Conv2d(3, 12, 3), nn.Linear(4, 2), change
        self.double().eval()

    def forward(self, x):
        one, other, signal = self.change(*self.filters(x).chunk(3, 1))
        return self.top((signal * one + signal * other).mean((2, 3)))


def all_in_place(one, other, signal):
    return one.sigmoid_(), other.sigmoid_(), signal.tanh_()


def hard_in_place(one, other, signal):
    return F.hardsigmoid(one, True), F.hardsigmoid(other, True), F.relu(signal, True)


IN_PLACE = {
    "sigmoid_": (
        lambda a, b, c: (a.sigmoid_(), b.sigmoid_(), c),
        lambda a, b, c: (a.sigmoid(), b.sigmoid(), c),
    ),
    "all three": (all_in_place, lambda a, b, c: (a.sigmoid(), b.sigmoid(), c.tanh())),
    "hard": (hard_in_place, lambda a, b, c: (F.hardsigmoid(a), F.hardsigmoid(b), F.relu(c))),
    "last first": (
        lambda a, b, c: (c.sigmoid_(), a.sigmoid_(), b)[:3],
        lambda a, b, c: (c.sigmoid(), a.sigmoid(), b),
    ),
}


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("relu", ["deconvnet", "guided", "gradient", "adjoint"])
def test_gates_made_in_place_on_chunks_of_one_tensor_stay_gates(name, relu):
    """As those that are made apart."""
    image = torch.randn(2, 3, 7, 8, dtype=torch.float64)
    changed, apart = (Gates(change) for change in IN_PLACE[name])
    found, expected = (
        cdn.DeconvNet(net, relu=relu, strict=True).attribute(image, 1) for net in (changed, apart)
    )
    assert_close(found, expected, rtol=1e-12, atol=1e-12)
