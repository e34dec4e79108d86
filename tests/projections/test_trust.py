"""Trust checks: each changes one thing, and nothing else."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import captum_deconvnet as cdn
from captum_deconvnet.engine.rules.pools import Window
from captum_deconvnet.errors import ImageError
from captum_deconvnet.projections.trust_checks import correlation, with_shuffled_weights


@pytest.fixture
def pooled():
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 5, 3), nn.ReLU()
    ).eval()


@pytest.fixture
def pair():
    return torch.rand(2, 1, 3, 20, 20, generator=torch.Generator().manual_seed(4))


def checked(net, pair, **options):
    maps = cdn.record(net, pair[0], "4").activations["4"][0]
    channel, row, column = divmod_place(int(maps.argmax()), maps.shape)
    return cdn.trust_checks(
        net, pair[0], cdn.Unit(0, "4", channel, row, column), pair[1], **options
    )


def divmod_place(place, shape):
    return place // (shape[1] * shape[2]), place // shape[2] % shape[1], place % shape[2]


def test_another_images_switches_are_those_of_a_recording_of_it(pooled, pair):
    checks = checked(pooled, pair)
    unit = checks.unit
    value = cdn.record(pooled, pair[0], "4").activations["4"][
        0, unit.channel, unit.row, unit.column
    ]
    other = cdn.record(pooled, pair[1], "4").project([unit], seed=float(value))[0]
    assert torch.equal(checks.checks["other image"].projection, other)
    assert checks.pools == 1


def test_another_unit_keeps_place_switches_and_seed(pooled, pair):
    checks = checked(pooled, pair)
    check, unit = checks.checks["other unit"], checks.unit
    assert check.unit.channel != unit.channel
    assert (check.unit.row, check.unit.column) == (unit.row, unit.column)
    recording = cdn.record(pooled, pair[0], "4")
    value = float(recording.activations["4"][0, unit.channel, unit.row, unit.column])
    assert torch.equal(check.projection, recording.project([check.unit], seed=value)[0])


def test_random_switches_are_the_adjoint_of_picking_random_places(pooled, pair):
    checks = checked(pooled, pair, seed=3)
    unit = checks.unit
    # The same chance, drawn again by hand: first the channel of the other unit, then the switches.
    generator = torch.Generator().manual_seed(3)
    torch.randint(1, 5, (1,), generator=generator)
    window = Window((18, 18), (3, 3), (2, 2), (1, 1), (1, 1))
    numbers = window.draw(torch.Size((1, 6, 9, 9)), generator)
    recording = cdn.record(pooled, pair[0], "4")
    signal = torch.zeros(1, 5, 7, 7)
    signal[0, unit.channel, unit.row, unit.column] = recording.activations["4"][
        0, unit.channel, unit.row, unit.column
    ]
    signal = F.conv_transpose2d(signal.clamp(min=0), pooled[3].weight)
    spread = torch.zeros(1, 6, 18, 18)
    for channel, row, column in itertools.product(range(6), range(9), range(9)):
        down, along = divmod(int(numbers[0, channel, row, column]), 3)
        spread[0, channel, row * 2 - 1 + down, column * 2 - 1 + along] += signal[
            0, channel, row, column
        ]
    expected = F.conv_transpose2d(spread.clamp(min=0), pooled[0].weight)[0]
    torch.testing.assert_close(checks.checks["random switches"].projection, expected)


def test_without_pooling_the_switches_do_not_matter(pair):
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3, 2), nn.ReLU(), nn.Conv2d(6, 5, 3)
    )
    checks = checked(net.eval(), pair)
    assert checks.pools == 0
    for name in ("other image", "random switches"):
        assert checks.checks[name].correlation == pytest.approx(1)
    for name in ("random weights", "other unit"):
        assert abs(checks.checks[name].correlation) < 0.9


def test_shuffled_weights_are_the_same_numbers_elsewhere_and_the_model_keeps_its_own(pooled, pair):
    before = [weight.clone() for weight in pooled.parameters()]
    made = with_shuffled_weights(pooled, torch.Generator().manual_seed(0))
    for weight, mixed, kept in zip(pooled.parameters(), made.parameters(), before, strict=True):
        assert torch.equal(weight, kept)
        assert torch.equal(weight.flatten().sort().values, mixed.flatten().sort().values)
        if weight.dim() > 1:
            assert not torch.equal(weight, mixed)


def test_the_same_seed_gives_the_same_checks(pooled, pair):
    one, two, three = (checked(pooled, pair, seed=seed) for seed in (1, 1, 2))
    for name in one.checks:
        assert torch.equal(one.checks[name].projection, two.checks[name].projection)
    drawn = [each.checks["random switches"].projection for each in (one, three)]
    assert not torch.equal(*drawn)


def test_correlation_is_pearsons():
    one, two = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.corrcoef(torch.stack([one.flatten(), two.flatten()]))[0, 1].item()
    assert correlation(one, two) == pytest.approx(expected, rel=1e-5)
    assert correlation(one, 3 * one + 2) == pytest.approx(1)
    assert correlation(one, -one) == pytest.approx(-1)
    assert correlation(one, torch.ones_like(one)) is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_switches_lie_in_their_windows_and_in_the_image(data):
    kernel, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    dilation, padding = data.draw(st.integers(1, 2)), data.draw(st.integers(0, kernel // 2))
    ceil_mode = data.draw(st.booleans())
    size = data.draw(st.integers(dilation * (kernel - 1) + 1, 11))
    image = torch.rand(1, 1, size, size)
    pooled = F.max_pool2d(image, kernel, stride, padding, dilation, ceil_mode)
    window = Window((size, size), *((n, n) for n in (kernel, stride, padding, dilation)))
    numbers = window.draw(pooled.shape, torch.Generator().manual_seed(0))[0, 0]
    for row, column in itertools.product(range(len(numbers)), repeat=2):
        for place, element in zip(
            (row, column), divmod(int(numbers[row, column]), kernel), strict=True
        ):
            assert 0 <= place * stride - padding + element * dilation < size


def test_every_place_of_a_window_is_drawn_about_equally_often():
    window = Window((40, 40), (2, 2), (2, 2), (0, 0), (1, 1))
    numbers = window.draw(torch.Size((10, 10, 20, 20)), torch.Generator().manual_seed(0))
    shares = torch.bincount(numbers.flatten(), minlength=4) / numbers.numel()
    torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.01, rtol=0)


def test_images_of_two_sizes_are_refused(pooled, pair):
    with pytest.raises(ImageError, match="of its shape"):
        cdn.trust_checks(pooled, pair[0], cdn.Unit(0, "4", 0), pair[1][..., :-1])
