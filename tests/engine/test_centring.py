"""A norm spelled out in arithmetic projects as the norm that torch names."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EPS = 1e-5


def mean(x, dims):
    return x.mean(dims, keepdim=True)


def variance(x, dims):
    return x.var(dims, keepdim=True, unbiased=False)


def convnext(x, dims):
    centre = mean(x, dims)
    return (x - centre) / torch.sqrt((x - centre).pow(2).mean(dims, keepdim=True) + EPS)


def in_place(x, dims):
    found = x.clone()
    return found.sub_(mean(x, dims)).div_((variance(x, dims) + EPS).sqrt())


def var_mean(x, dims):
    spread, centre = torch.var_mean(x, dims, keepdim=True, correction=0)
    return (x - centre) * torch.rsqrt(spread + EPS)


def named_last(x, dims):
    """The weight between the two, as in the annotated transformer."""
    return 1.0 * (x - mean(x, dims)) / (variance(x, dims) + EPS).sqrt() + 0.0


SPELLINGS = {
    "variance": lambda x, d: (x - mean(x, d)) / (variance(x, d) + EPS).sqrt(),
    "square of the difference": convnext,
    "reciprocal root": lambda x, d: (x - mean(x, d)) * torch.rsqrt(variance(x, d) + EPS),
    "power": lambda x, d: (x - mean(x, d)) * (variance(x, d) + EPS) ** -0.5,
    "reciprocal": lambda x, d: (x - mean(x, d)) * (1 / (variance(x, d) + EPS).sqrt()),
    "moments": lambda x, d: (x - mean(x, d)) / (mean(x * x, d) - mean(x, d) ** 2 + EPS).sqrt(),
    "in place": in_place,
    "both at once": var_mean,
    "weight between": named_last,
}
DIMS = {"layer": 1, "instance": (2, 3), "all": (1, 2, 3)}


def named(x, dims):
    if dims == 1:
        moved = x.permute(0, 2, 3, 1)
        return F.layer_norm(moved, moved.shape[-1:], eps=EPS).permute(0, 3, 1, 2)
    if dims == (2, 3):
        return F.group_norm(x, x.shape[1], eps=EPS)
    return F.layer_norm(x, x.shape[1:], eps=EPS)


class Normed(nn.Module):
    """Two filters with a norm between them."""

    def __init__(self, norm, dims):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.other = nn.Conv2d(2, 5, 3), nn.Conv2d(5, 3, 3)
        self.norm, self.dims = norm, dims

    def forward(self, x):
        return self.other(self.norm(self.one(x), self.dims).relu())


@pytest.fixture
def images():
    return torch.randn(2, 2, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_norm_projects_as_the_norm(spelling, dims, images):
    unit = cdn.Unit(1, "", 2, 3, 1)
    found = cdn.record(Normed(SPELLINGS[spelling], DIMS[dims]).double(), images, "")
    right = cdn.record(Normed(named, DIMS[dims]).double(), images, "")
    assert_close(found.project([unit]), right.project([unit]), rtol=1e-9, atol=1e-12)
    assert found.receipt.counts["fallback"] == 0


def test_the_attribution_class_and_patches_say_the_same(images):
    model = Normed(convnext, 1).double()
    recording = cdn.record(model, images, "")
    units = [cdn.Unit(image, "", 2, 3, 1) for image in (0, 1)]
    right = recording.project(units, seed=1.0)
    assert_close(cdn.DeconvNet(model).attribute(images, (2, 3, 1)), right)
    for patch, whole in zip(recording.project_patches(units, seed=1.0), right, strict=True):
        box = patch.box
        assert_close(patch.pixels, whole[..., box.top : box.bottom, box.left : box.right])


def test_a_mean_that_no_deviation_divides_stays_linear(images):
    model = Normed(lambda x, dims: x - mean(x, dims), 1).double()
    unit = cdn.Unit(0, "", 1, 2, 2)
    recording = cdn.record(model, images, "", relu="gradient")
    linear = cdn.record(model, images, "", relu="adjoint").project([unit], seed=1.0)
    assert recording.receipt.counts["extension"] == 0
    signal = torch.zeros(2, 3, 5, 5, dtype=torch.float64)
    signal[0, 1, 2, 2] = 1.0
    back = F.conv_transpose2d(signal, model.other.weight)
    right = F.conv_transpose2d(back - mean(back, 1), model.one.weight)
    assert_close(linear[0], right[0])


def test_the_gradient_is_autograds(images):
    for spelling in SPELLINGS.values():
        model = Normed(spelling, (1, 2, 3)).double()
        given = images.clone().requires_grad_()
        (right,) = torch.autograd.grad(model(given)[0, 1, 2, 2], given)
        found = cdn.record(model, images, "", relu="gradient")
        assert_close(found.project([cdn.Unit(0, "", 1, 2, 2)], seed=1.0)[0], right[0])
