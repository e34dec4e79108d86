"""Rectifiers written out with comparisons, choices and masks are rectifiers all the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


class Between(nn.Module):
    """A convolution, a function, and another convolution."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(4)
        self.first, self.last = nn.Conv2d(2, 5, 3), nn.Conv2d(5, 3, 1)
        self.function = function
        self.double().eval()

    def forward(self, x):
        return self.last(self.function(self.first(x)))


def put(x):
    x = x.clone()
    x[x < 0] = 0
    return x


RELU = {
    "x * (x > 0)": lambda x: x * (x > 0),
    "(x >= 0).double() * x": lambda x: (x >= 0).double() * x,
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "where, the other way round": lambda x: torch.where(x <= 0, torch.zeros_like(x), x),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "masked_fill_": lambda x: x.clone().masked_fill_(x < 0, 0),
    "x[x < 0] = 0": put,
    "clamp with a tensor": lambda x: x.clamp(min=torch.tensor(0.0, dtype=x.dtype)),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
}
SMOOTH = {
    "gelu": lambda x: x * (0.5 * (1 + torch.erf(x / 2**0.5))),
    "mish": lambda x: x * torch.tanh(F.softplus(x)),
    "hardswish": lambda x: x * (F.relu6(x + 3) / 6),
    "silu": lambda x: x * torch.sigmoid(x),
}
NEGATIVE = {
    "x * (x < 0)": lambda x: x * (x < 0),
    "where": lambda x: torch.where(x < 0, x, 0.0),
    "masked_fill": lambda x: x.masked_fill(x > 0, 0),
}


def rectified(signal):
    return signal.clamp(min=0)


def projected(function, relu="deconvnet"):
    """What DeconvNet gives for one output unit of a net with ``function`` in the middle."""
    image = torch.randn(2, 2, 6, 6, dtype=torch.float64, generator=generator())
    net = nn.Sequential(Between(function), nn.Flatten())
    return net, image, cdn.DeconvNet(net, relu=relu, strict=True).attribute(image, 20)


def generator():
    return torch.Generator().manual_seed(8)


def by_hand(net, image, back):
    """The same with the two transposed convolutions and ``back`` between them."""
    signal = torch.zeros(2, 3 * 16, dtype=torch.float64)
    signal[:, 20] = 1
    middle = F.conv_transpose2d(signal.reshape(2, 3, 4, 4), net[0].last.weight)
    return F.conv_transpose2d(back(middle), net[0].first.weight)


@pytest.mark.parametrize("spelling", RELU)
def test_a_spelled_out_relu_rectifies_the_signal(spelling):
    net, image, projection = projected(RELU[spelling])
    assert_close(projection, by_hand(net, image, rectified), **EXACT)


@pytest.mark.parametrize("spelling", SMOOTH)
def test_a_spelled_out_smooth_rectifier_rectifies_the_signal(spelling):
    """As its torch function does."""
    net, image, projection = projected(SMOOTH[spelling])
    assert_close(projection, by_hand(net, image, rectified), **EXACT)


def test_a_signed_gate_makes_no_rectifier():
    """x * tanh(x) is even: tanh(x) is a recorded gate, which can turn the signal over."""
    net, image, projection = projected(lambda x: x * x.tanh())
    gate = net[0].first(image).tanh()
    assert_close(projection, by_hand(net, image, lambda signal: signal * gate), **EXACT)


@pytest.mark.parametrize("spelling", NEGATIVE)
def test_what_keeps_the_negative_side_keeps_the_negative_signal(spelling):
    """-relu(-x): the reverse of relu, turned over twice."""
    net, image, projection = projected(NEGATIVE[spelling])
    assert_close(projection, by_hand(net, image, lambda signal: -rectified(-signal)), **EXACT)


@pytest.mark.parametrize("spelling", [*RELU])
def test_a_spelled_out_relu_has_its_exact_gradient(spelling):
    net, image, projection = projected(RELU[spelling], relu="gradient")
    given = image.clone().requires_grad_()
    expected = torch.autograd.grad(net(given)[:, 20].sum(), given)[0]
    assert_close(projection, expected, **EXACT)


def test_a_choice_by_another_activation_is_recorded_and_named():
    """The condition is data of the image: held fixed, and ours to say so."""
    net = Between(lambda x: torch.where(x[:, :1] > 0.1, x, -x))
    receipt = cdn.record(net, torch.randn(1, 2, 6, 6, dtype=torch.float64)).receipt
    entry = next(entry for entry in receipt.entries if entry.operation == "where")
    assert (entry.rule, entry.kind) == ("recorded choice", "extension")


def test_a_relu_gates_nothing_however_it_is_spelled():
    """A product of two activations has no rule, whichever spelling one of them has."""

    class Bilinear(nn.Module):
        def __init__(self, relu):
            super().__init__()
            self.one, self.other, self.relu = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 3, 1), relu

        def forward(self, x):
            return self.relu(self.one(x)) * self.other(x)

    for relu in (F.relu, lambda x: x.clamp(min=0)):
        receipt = cdn.record(Bilinear(relu).eval(), torch.rand(1, 2, 4, 4)).receipt
        assert [entry.operation for entry in receipt.fallbacks] == ["mul"]


BOUNDS = {
    "zeros": lambda x: torch.zeros(x.shape[1:]).double(),
    "one number": lambda x: torch.full((1,), 0.3).double(),
    "one a channel": lambda x: torch.linspace(0, 1, x.shape[1]).double().view(-1, 1, 1),
    "one a place": lambda x: waves(x).abs(),
    "of either sign": lambda x: waves(x),
}
CLIPPINGS = {
    "maximum": (torch.maximum, lambda s, b: s.clamp(min=0) if (b >= 0).all() else s),
    "fmax": (torch.fmax, lambda s, b: s.clamp(min=0) if (b >= 0).all() else s),
    "clamp below": (
        lambda x, b: x.clamp(min=b),
        lambda s, b: s.clamp(min=0) if (b >= 0).all() else s,
    ),
    "minimum": (torch.minimum, lambda s, b: s if b.any() else s.clamp(max=0)),
    "fmin": (torch.fmin, lambda s, b: s if b.any() else s.clamp(max=0)),
    "clamp above": (lambda x, b: x.clamp(max=b), lambda s, b: s if b.any() else s.clamp(max=0)),
}


def waves(x):
    return torch.arange(x[0].numel()).double().cos().view(x.shape[1:])


@pytest.mark.parametrize("side", [6, 40])
@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("clipping", CLIPPINGS)
def test_the_larger_or_smaller_of_an_activation_and_a_constant_clips(clipping, bound, side):
    """As ``clamp`` does: whether few constants or many, one number or one a place."""
    function, back = CLIPPINGS[clipping]
    net = Between(lambda x: function(x, BOUNDS[bound](x)))
    image = torch.randn(2, 2, side, side, dtype=torch.float64, generator=generator())
    recording = cdn.record(net, image, "last")
    signal = torch.randn(recording.output.shape, dtype=torch.float64, generator=generator())
    middle = F.conv_transpose2d(signal, net.last.weight)
    clipped = back(middle, BOUNDS[bound](net.first(image)))
    expected = F.conv_transpose2d(clipped, net.first.weight)
    assert_close(recording.project_signal("last", signal), expected, **EXACT)
    assert recording.receipt.entries[1].kind == ("paper" if bound == "zeros" else "extension")


@pytest.mark.parametrize("clipping", CLIPPINGS)
def test_an_activation_clipped_on_one_side_is_no_gate(clipping):
    """It has no bound on the other: its product with another activation is named."""
    function, _ = CLIPPINGS[clipping]
    bound = torch.tensor(-0.3).double()
    net = Between(lambda x: x.roll(1, 1) * function(x, bound))
    recording = cdn.record(net, torch.randn(1, 2, 6, 6).double(), "last")
    assert [entry.operation for entry in recording.receipt.fallbacks] == ["mul"]


MINIMUM = {
    "relu of minus": (lambda x: torch.where(x < 0, -x, 0.0), -1.0),
    "twice the minimum": (lambda x: x - x.abs(), 2.0),
    "soft": (lambda x: torch.minimum(x, 0 * x) - torch.log1p((-2 * x.abs()).exp()) / 2, 1.0),
}
NO_MINIMUM = {
    "over a root": lambda x: x / (F.celu(x) ** 2 + 0.1).sqrt(),
    "times a power": lambda x: x * (F.celu(x) ** 2 + 0.1) ** -0.5,
    "a gate turned over": lambda x: x * torch.sigmoid(-x),
}


@pytest.mark.parametrize("spelling", MINIMUM)
def test_a_multiple_of_a_minimum_keeps_the_negative_signal(spelling):
    function, factor = MINIMUM[spelling]
    net, image, projection = projected(function)
    expected = by_hand(net, image, lambda signal: (factor * signal).clamp(max=0))
    assert_close(projection, expected, **EXACT)


@pytest.mark.parametrize("spelling", NO_MINIMUM)
def test_what_is_no_minimum_does_not_keep_the_negative_signal(spelling):
    """One factor is a recorded number, and the receipt says so."""
    net, image, projection = projected(NO_MINIMUM[spelling])
    given = net[0].first(image)
    factor = NO_MINIMUM[spelling](given) / given
    assert_close(projection, by_hand(net, image, lambda signal: signal * factor), **EXACT)
    rules = {entry.rule for entry in cdn.record(net, image).receipt.entries}
    assert rules & {"frozen statistic", "frozen gate"}
    assert "rectify" not in rules
