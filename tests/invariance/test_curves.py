"""Areas, bands and tables of curves, against hand values and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from captum_deconvnet.errors import LayerError, UnknownNameError
from captum_deconvnet.invariance.curves import InvarianceCurves, confidence_band
from captum_deconvnet.invariance.distances import Norms

stats = pytest.importorskip("scipy.stats", reason="the extra bench brings scipy")


def curves(values=(0.0, 1.0, 3.0), height=((0.0, 2.0, 2.0), (0.0, 4.0, 0.0)), **more):
    difference = torch.tensor(height, dtype=torch.float64)
    return InvarianceCurves(
        transform="scale",
        unit="times larger",
        values=values,
        norms={"1": Norms(2 + 0 * difference, 2 + 0 * difference, difference)},
        map_scores={"1": torch.ones(2, 1)},
        **more,
    )


def test_the_area_is_the_trapezoids_mean_height():
    # First image: (0 + 2) / 2 * 1 + 2 * 2 = 5 over a range of 3; second: 2 + 4 = 6.
    assert curves().area("1", "euclidean").tolist() == [5 / 3, 2.0]
    assert curves().area("1", "normalised").tolist() == [5 / 6, 1.0]


def test_the_area_does_not_depend_on_the_order_of_the_values():
    shuffled = curves((3.0, 0.0, 1.0), ((2.0, 0.0, 2.0), (0.0, 0.0, 4.0)))
    assert shuffled.area("1", "euclidean").tolist() == [5 / 3, 2.0]


def test_the_area_of_one_point_is_its_height():
    assert curves((2.0,), ((3.0,), (1.0,))).area("1", "euclidean").tolist() == [3.0, 1.0]


def test_the_mean_is_over_images():
    assert curves().mean("1", "euclidean").tolist() == [0.0, 3.0, 1.0]


def test_the_band_is_scipys_percentile_bootstrap():
    samples = torch.from_numpy(np.random.default_rng(1).normal(size=(12, 2)))
    low, high = confidence_band(samples, 0.9, resamples=20000)
    for column in range(2):
        expected = stats.bootstrap(
            (samples[:, column].numpy(),), np.mean, confidence_level=0.9, method="percentile",
            n_resamples=20000, rng=np.random.default_rng(2),
        ).confidence_interval  # fmt: skip
        assert abs(low[column] - expected.low) < 0.02
        assert abs(high[column] - expected.high) < 0.02


def test_one_image_has_no_band():
    low, high = curves((0.0, 1.0), ((0.0, 1.0),)).band("1")
    assert low.isnan().all()
    assert high.isnan().all()


def test_the_band_is_the_same_at_every_call():
    assert torch.equal(curves().band("1")[1], curves().band("1")[1])


def test_every_point_is_a_row():
    found = list(
        curves(
            target=torch.tensor([3, 4]),
            probability=torch.tensor([[0.5, 0.25, 0.125], [1.0, 0.5, 0.0]]),
            predicted=torch.tensor([[3, 3, 7], [4, 4, 0]]),
        ).rows()
    )
    assert len(found) == 6
    assert found[2] == {
        "image": 0,
        "transform": "scale",
        "value": 3.0,
        "layer": "1",
        "euclidean": 2.0,
        "normalised": 1.0,
        "cosine": 0.5,  # sides 2, 2 and 2: an angle of 60 degrees
        "target": 3,
        "probability": 0.125,
        "predicted": 7,
    }


def test_what_was_not_measured_is_refused():
    with pytest.raises(UnknownNameError, match="'2'"):
        curves().distance("2")
    with pytest.raises(UnknownNameError, match="euclidean"):
        curves().distance("1", "euclid")
    with pytest.raises(LayerError, match="equivariance=True"):
        curves().distance("1", "equivariance")
