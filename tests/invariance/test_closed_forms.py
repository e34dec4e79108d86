"""Curves of nets whose answers are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.invariance.distances import DISTANCES

ndimage = pytest.importorskip("scipy.ndimage", reason="the extra bench brings scipy")


def roll(images, value):
    return images.roll(int(value), dims=-2)


def circular_net():
    """Stride 1 and no border: shifting the image round shifts every map round."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2, padding_mode="circular"),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    ).double()


def strided_net():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 4)
    )


def images(count=2, size=14, dtype=torch.float32):
    return torch.rand(count, 3, size, size, dtype=dtype)


@pytest.mark.parametrize(
    ("transform", "value"),
    [
        ("translation", 0),
        ("horizontal_translation", 0),
        ("scale", 1),
        ("rotation", 0),
        ("rotation", 360),
        ("rotation", -720),
        ("blur", 0),
        ("brightness", 0),
        ("contrast", 1),
        ("noise", 0),
    ],
)
def test_the_identity_and_a_full_turn_change_nothing(transform, value):
    curves = cdn.FeatureInvariance(strided_net(), ["0", "4"]).attribute(
        images(), 1, transform=transform, values=[value, 0.75, value], batch_size=2
    )
    for layer in curves.layers:
        for kind in DISTANCES:
            assert (curves.distance(layer, kind)[:, [0, 2]] == 0).all()
            assert (curves.distance(layer, kind)[:, 1] > 0).all()
    assert torch.equal(curves.probability[:, 0], curves.probability[:, 2])


@pytest.mark.parametrize("by_value", [1, 5, 13])
def test_a_circular_net_with_global_pooling_is_shift_invariant_at_the_end_and_not_at_layer_1(
    by_value,
):
    curves = cdn.FeatureInvariance(circular_net(), ["1", "3", "4", "6"]).attribute(
        images(dtype=torch.float64), 0, transform=roll, values=[by_value]
    )
    assert (curves.distance("1") > 0.1).all()
    assert (curves.distance("3") > 0.1).all()
    assert curves.distance("4").max() < 1e-14
    assert curves.distance("6").max() < 1e-14
    scores = curves.map_scores["4"]
    alive = scores[~scores.isnan()]
    assert len(alive) > 4
    assert (alive - 1).abs().max() < 1e-14


@pytest.mark.parametrize("size", [8, 9, 14])
def test_a_four_fold_symmetric_image_turned_by_90_degrees_is_the_same_image(size):
    one = images(1, size)
    symmetric = sum(torch.rot90(one, turns, (-2, -1)) for turns in range(4)) / 4
    symmetric = (symmetric + symmetric.rot90(1, (-2, -1))) / 2  # sums in another order round
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    curves = cdn.FeatureInvariance(net, "1").attribute(
        symmetric, transform="rotation", values=[0, 90, 180, 270, 45]
    )
    assert curves.distance("1")[0, :4].max() < 1e-6
    assert curves.distance("1")[0, 4] > 0.01


@pytest.mark.parametrize(
    ("transform", "value", "moved_by_scipy"),
    [
        ("translation", 3, lambda x: ndimage.shift(x, (0, 0, 3, 0), order=1)),
        ("horizontal_translation", -2.5, lambda x: ndimage.shift(x, (0, 0, 0, -2.5), order=1)),
        ("rotation", 90, lambda x: np.rot90(x, 1, (2, 3))),
        ("brightness", 0.25, lambda x: x + 0.25),
        ("contrast", 0.5, lambda x: (x + x.mean((1, 2, 3), keepdims=True)) / 2),
    ],
)
def test_a_linear_nets_distance_is_the_norm_of_w_times_tx_minus_x(transform, value, moved_by_scipy):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 14 * 14, 20)).double()
    # A border of zeros, so that what scipy does at the frame's edge does not matter.
    batch = nn.functional.pad(images(2, 8, torch.float64), (3, 3, 3, 3))
    curves = cdn.FeatureInvariance(net, "1").attribute(batch, transform=transform, values=[value])
    change = torch.from_numpy(moved_by_scipy(batch.numpy()) - batch.numpy()).flatten(1)
    expected = (change @ net[1].weight.T).norm(dim=1)
    assert torch.allclose(curves.distance("1", "euclidean")[:, 0], expected, rtol=1e-12)


def test_the_distances_are_those_of_numpy_on_features_taken_by_hand():
    net, batch = strided_net(), images()
    curves = cdn.FeatureInvariance(net, ["1", "4"]).attribute(
        batch, transform=roll, values=[2, 5], batch_size=3
    )
    for layer in (1, 4):
        for column, value in enumerate((2, 5)):
            with torch.no_grad():
                before, after = (
                    net[: layer + 1](x).flatten(1).numpy().astype(np.float64)
                    for x in (batch, roll(batch, value))
                )
            change = np.linalg.norm(after - before, axis=1)
            lengths = np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)
            cosine = 1 - (before * after).sum(1) / (lengths[0] * lengths[1])
            for kind, expected in (
                ("euclidean", change),
                ("normalised", change / lengths[0]),
                ("cosine", cosine),
            ):
                found = curves.distance(str(layer), kind)[:, column].numpy()
                assert np.allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_the_probability_is_a_softmax_and_the_label_its_largest():
    net, batch = strided_net(), images()
    curves = cdn.FeatureInvariance(net, "1").attribute(batch, [3, 1], transform=roll, values=[0, 4])
    for column, value in enumerate((0, 4)):
        logits = net(roll(batch, value)).detach().double().numpy()
        chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        assert np.allclose(curves.probability[:, column], chances[[0, 1], [3, 1]], rtol=1e-6)
        assert curves.predicted[:, column].tolist() == chances.argmax(1).tolist()


def test_a_net_that_ends_in_a_softmax_is_taken_as_it_is_when_told_so():
    net, batch = strided_net(), images()
    plain = cdn.FeatureInvariance(net, "1").attribute(batch, 2, values=[3])
    ended = nn.Sequential(*net, nn.Softmax(1))
    told = cdn.FeatureInvariance(ended, "1").attribute(batch, 2, values=[3], output="probabilities")
    assert torch.allclose(plain.probability, told.probability, rtol=1e-6)


BATCHES = (
    st.lists(st.integers(-13, 13), min_size=1, max_size=7),
    st.integers(1, 9),
    st.integers(1, 3),
)


def in_batches(dtype, values, batch_size, count):
    """The same curves with one image at a time and with ``batch_size``."""
    torch.manual_seed(0)
    net, batch = strided_net().to(dtype), images(count, dtype=dtype)
    invariance = cdn.FeatureInvariance(net, ["0", "2", "4"])
    return [
        invariance.attribute(batch, 1, values=values, batch_size=size, units=True)
        for size in (1, batch_size)
    ]


def largest_difference(one, other):
    return (one - other).abs().nan_to_num().max()


@settings(deadline=None, max_examples=15)
@given(*BATCHES)
def test_the_batch_size_does_not_change_the_curves(values, batch_size, count):
    single, several = in_batches(torch.float32, values, batch_size, count)
    for layer in single.layers:
        for kind in DISTANCES:
            pair = single.distance(layer, kind), several.distance(layer, kind)
            assert largest_difference(*pair) < 1e-6
    assert largest_difference(single.probability, several.probability) < 1e-6


@settings(deadline=None, max_examples=15)
@given(*BATCHES)
def test_the_batch_size_does_not_change_the_scores(values, batch_size, count):
    """In float64: in float32 a map close to zero is itself a matter of rounding."""
    single, several = in_batches(torch.float64, values, batch_size, count)
    for layer in single.layers:
        pair = single.map_scores[layer], several.map_scores[layer]
        assert largest_difference(*pair) < 1e-10
        assert largest_difference(single.unit_scores[layer], several.unit_scores[layer]) < 1e-10


def test_a_larger_source_brings_in_its_own_pixels_and_no_fill():
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    source = images(1, 24)
    curves = cdn.FeatureInvariance(net, "1").attribute(
        source, values=[0, 4], crop=(14, 14), fill=99.0
    )
    seen = [source[..., 5 - down : 19 - down, 5:19] for down in (0, 4)]
    expected = (net(seen[1]) - net(seen[0])).norm()
    assert curves.distance("1", "euclidean")[0, 0] == 0
    assert torch.allclose(curves.distance("1", "euclidean")[0, 1].float(), expected)


def test_features_that_move_with_the_picture_are_equivariant_and_not_invariant():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2))
    picture = nn.functional.pad(images(1, 8), (8, 8, 8, 8))  # 24 pixels, black around
    curves = cdn.FeatureInvariance(net, ["1", "2"]).attribute(
        picture, values=[-4, 2, 6], equivariance=True
    )
    for layer in ("1", "2"):
        assert (curves.distance(layer) > 0.5).all()
        assert curves.distance(layer, "equivariance").max() < 1e-6


def test_positions_that_the_picture_no_longer_shows_do_not_count():
    net = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False))
    curves = cdn.FeatureInvariance(net, "0").attribute(
        images(1), values=[5, -3], equivariance=True, fill=9.0
    )
    assert curves.distance("0", "equivariance").max() < 1e-6
