"""Random small nets: the engine against the literal reference, layer by layer, unit by unit."""

from __future__ import annotations

import itertools

import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from torch.testing import assert_close

import captum_deconvnet as cdn

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@settings(max_examples=80, deadline=None, derandomize=True)
@given(case=nets(), pick=st.integers(0, 2**16))
def test_a_random_net_projects_as_its_literal_twin(case, pick):
    """Seed, layer and unit at random; both images at once; output bit-identical."""
    net, images = case
    layer = pick % len(net)
    with torch.no_grad():
        output, captured = net(images.clone()), net[: layer + 1](images.clone())
    recording = cdn.record(net, images, str(layer))
    assert torch.equal(recording.output, output)
    places = list(itertools.product(*(range(size) for size in captured.shape[1:])))
    index = places[pick % len(places)]
    for seed in (1.0, -0.5):
        signal = reference.one_hot(captured, *index, value=seed)
        literal = reference.project(net[: layer + 1], images, signal).detach()
        units = [cdn.Unit(n, str(layer), *index) for n in range(2)]
        assert_close(recording.project(units, seed=seed), literal, **CLOSE)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(case=nets(), booleans=st.tuples(st.booleans(), st.booleans()))
def test_a_random_net_follows_the_booleans_of_its_family(case, booleans):
    """Relu mask and relu backward; switches stay, since not every window has a centre."""
    net, images = case
    mask, backward = booleans
    with torch.no_grad():
        output = net(images.clone())
    index = tuple(size // 2 for size in output.shape[1:])
    family = reference.Family(relu_mask=mask, relu_backward=backward)
    literal = reference.project(net, images, reference.one_hot(output, *index), family).detach()
    layer, ours = str(len(net) - 1), cdn.Family(mask, True, backward)
    recording = cdn.record(net, images, layer, relu=ours)
    units = [cdn.Unit(n, layer, *index) for n in range(2)]
    assert_close(recording.project(units, seed=1.0), literal, **CLOSE)
