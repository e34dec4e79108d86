"""The engine as the tests ask for it: one unit, or every unit of a layer."""

from __future__ import annotations

import itertools

import pytest

import captum_deconvnet as cdn


@pytest.fixture(scope="session")
def project():
    """Project one unit of every image: (N, *input shape)."""

    def projected(net, image, layer, channel=0, row=0, column=0, *, seed=1.0, **options):
        recording = cdn.record(net, image, layer, **options)
        units = [cdn.Unit(n, layer, channel, row, column) for n in range(len(image))]
        return recording.project(units, seed=seed)

    return projected


@pytest.fixture(scope="session")
def project_all():
    """Project every unit of the first image, seed 1: a matrix (units, inputs)."""

    def projected(net, image, layer, **options):
        recording = cdn.record(net, image, layer, **options)
        shape = (*recording.activations[layer].shape[1:], 1, 1)[:3]
        positions = itertools.product(*(range(size) for size in shape))
        units = [cdn.Unit(0, layer, *position) for position in positions]
        return recording.project(units, seed=1.0).flatten(start_dim=1)

    return projected
