"""Random nets whose windows lie oddly: patches are projections, and boxes hold what is seen.

``RANDOM_WINDOWS=1000`` runs that many, newly drawn, at night.
"""

from __future__ import annotations

import itertools
import os
import random
import time

import pytest
import random_windows
import torch
from torch.testing import assert_close

import captum_deconvnet as cdn

GIVEN = os.environ.get("RANDOM_WINDOWS")
FIRST = 0 if GIVEN is None else time.time_ns() % 10**12
NETS = range(FIRST, FIRST + int(GIVEN or "60"))
EXACT = {"rtol": 1e-9, "atol": 1e-9}
UNITS = 12


def layers_of(net, images):
    """The layers that give a map an image: others are refused by name."""
    with torch.no_grad():
        maps = [net[: number + 1](images.clone()) for number in range(len(net))]
    for number, made in enumerate(maps):
        if len(made) == len(images):
            yield str(number)
        else:
            with pytest.raises(cdn.errors.LayerError, match="belong to no single image"):
                cdn.record(net, images, str(number))


def units_of(activation, layer, chance):
    """Some units anywhere in a layer, and their places in its output."""
    everywhere = list(itertools.product(*map(range, activation.shape)))
    places = chance.sample(everywhere, min(UNITS, len(everywhere)))
    units = []
    for image, channel, *place in places:
        frame, row, column = (0, 0, 0, *place)[-3:]
        units.append(cdn.Unit(image, layer, channel, row, column, frame=frame))
    return units, places


def on_the_picture(patches, shape):
    """Each patch put at its box into a picture of zeros."""
    pictures = torch.zeros(len(patches), *shape, dtype=patches[0].pixels.dtype)
    for picture, patch in zip(pictures, patches, strict=True):
        box = patch.box
        assert 0 <= box.top < box.bottom <= shape[-2]
        assert 0 <= box.left < box.right <= shape[-1]
        picture[..., box.top : box.bottom, box.left : box.right] = patch.pixels
    return pictures


def has_slope(part, place, images, image, projection):
    """Whether central differences agree: torch's own gradient of a norm is wrong at odd strides."""
    step = torch.zeros_like(images)
    step[image] = 1e-6 * torch.randn_like(images[image])
    with torch.no_grad():
        change = (part(images + step)[place] - part(images - step)[place]) / 2
    return torch.allclose(change, (projection * step[image]).sum(), rtol=1e-4, atol=1e-10)


def assert_gradient(net, layer, images, units, places, projections):
    """In the gradient's family a projection is autograd's answer."""
    part, leaf = net[: int(layer) + 1], images.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda saved: saved):
        output = part(leaf.clone())  # autograd gets copies of what is changed in place
    for unit, place, projection in zip(units[:4], places, projections, strict=False):
        expected = torch.zeros_like(images)
        if output.requires_grad:
            (expected,) = torch.autograd.grad(output[tuple(place)], leaf, retain_graph=True)
        agrees = torch.allclose(projection, expected[unit.image], **EXACT)
        assert agrees or has_slope(part, tuple(place), images, unit.image, projection)


@pytest.mark.parametrize("relu", ["deconvnet", "gradient"])
@pytest.mark.parametrize("tens", range(0, len(NETS), 10))
def test_a_random_net_of_odd_windows_has_the_patches_of_its_projections(tens, relu):
    """Each unit alone, several together, in patches, and against autograd."""
    for seed in NETS[tens : tens + 10]:
        net, images = random_windows.net(seed)
        chance, shape = random.Random(seed), images.shape[1:]
        layers = list(layers_of(net, images))
        recording = cdn.record(net, images, layers, relu=relu)
        for layer in layers:
            where = f"net {seed}, layer {layer}"
            units, places = units_of(recording.activations[layer], layer, chance)
            single = torch.cat([recording.project(unit, seed=1.0) for unit in units])
            assert_close(recording.project(units, seed=1.0), single, **EXACT, msg=where)
            patches = recording.project_patches(units, seed=1.0)
            assert_close(on_the_picture(patches, shape), single, **EXACT, msg=where)
            if relu == "gradient":
                assert_gradient(net, layer, images, units, places, single)


@pytest.mark.parametrize("name", random_windows.OPERATIONS)
def test_every_operation_of_the_generator_is_reached(name):
    """After a filter and before a pool, in two and in three dimensions where it has them."""
    taken = 0
    for number, size in itertools.product(range(20), ((6, 5), (4, 4, 3))):
        torch.manual_seed(number)
        images = torch.randn(2, 2, *size).double()
        filters = random_windows.module("Conv", len(size))(2, 2, 3, padding=1)
        layers = [filters.double().eval()]
        random_windows.add(layers, name, images, random.Random(number))
        taken += len(layers) == 2
    assert taken
