"""Occlusion of one small net of each family, against one forward pass a window."""

from __future__ import annotations

import occluded
import pytest
import torch
from families import MODELS
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet_benchmarks.zoo.subject import subject

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what libraries say while they build their nets
    pytest.mark.zoo,
]
FILL = 0.25
ROUNDING = 4
"""In float32, how much further from the float64 answer than one forward pass a window is."""


class Mixed(nn.Module):
    """One number of all outputs: a single one may be cut off, and change nowhere."""

    def forward(self, x):
        weights = torch.cos(torch.arange(x[0].numel(), dtype=x.dtype))
        return (x.flatten(1) * weights).sum(1, keepdim=True)


def maps(model, image):
    """(ours, the literal one): four windows that overlap, cut off by the edges."""
    *leading, height, width = image.shape[1:]
    size = (*leading, height * 5 // 8, width * 5 // 8)
    strides = (*leading, height // 2, width // 2)
    explained = cdn.Occlusion(model, method="incremental")
    try:
        found = explained.attribute(image, size, strides, FILL, target=0)
    except UnsupportedOperationError:
        explained = cdn.Occlusion(model)
        found = explained.attribute(image, size, strides, FILL, target=0)
    return found, occluded.occlusion(model, image, size, strides, FILL, 0)


@pytest.fixture(scope="module", params=MODELS)
def both(request):
    """(ours, literal) in float32, then in float64; all outputs of a net as one number."""
    case = subject(request.param, 0)
    single = maps(nn.Sequential(case.model, Mixed()), case.image)
    case = case.in_double()
    return single, maps(nn.Sequential(case.model, Mixed()), case.image)


def test_it_is_exact_in_double_precision(both):
    _, (found, right) = both
    assert occluded.relative_error(found, right) <= 1e-10


def test_in_single_precision_it_is_as_right_as_running_the_net_whole(both):
    (found, literal), (_, right) = both
    own = occluded.relative_error(literal, right)
    assert occluded.relative_error(found, right) <= max(1e-5, ROUNDING * own)
