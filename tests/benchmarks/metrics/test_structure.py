from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.feature
import skimage.metrics
import torch

from captum_deconvnet_benchmarks.metrics.similarity import (
    histogram_entropy,
    oriented_gradients,
    ssim,
)


@pytest.fixture
def maps():
    return torch.rand(3, 40, 33, dtype=torch.float64) * 2 - 1


def test_structural_similarity_is_scikit_images(maps):
    other = maps + 0.3 * torch.rand_like(maps)
    ours = ssim(maps, other)
    for number in range(3):
        theirs = skimage.metrics.structural_similarity(
            maps[number].numpy(), other[number].numpy(), data_range=2
        )
        assert float(ours[number]) == pytest.approx(theirs, abs=1e-12)


def test_a_map_is_like_itself(maps):
    assert torch.allclose(ssim(maps, maps), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("cell", [8, 6])
def test_oriented_gradients_are_scikit_images(maps, cell):
    ours = oriented_gradients(maps, cell)
    for number in range(3):
        theirs = skimage.feature.hog(maps[number].numpy(), pixels_per_cell=(cell, cell))
        assert np.allclose(ours[number].numpy(), theirs, atol=1e-6)


def test_cells_shrink_on_small_maps():
    assert oriented_gradients(torch.rand(2, 12, 14)).shape == (2, 81)


def test_histogram_entropy_of_two_equal_parts_is_ln_2():
    halves = torch.cat([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)], 1)
    assert float(histogram_entropy(halves)) == pytest.approx(math.log(2))
    assert float(histogram_entropy(torch.ones(1, 4, 4))) == 0


def test_histogram_entropy_is_that_of_numpys_histogram(maps):
    counts, _ = np.histogram(maps[0].numpy(), bins=100)
    share = counts[counts > 0] / counts.sum()
    assert float(histogram_entropy(maps[:1])) == pytest.approx(-(share * np.log(share)).sum())
