"""The activations of torch, each with usual ways to write it in arithmetic.

A row is a torch function and its spellings, functions of one tensor (N, C, H, W).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

SQRT_2, CUBIC = math.sqrt(2), math.sqrt(2 / math.pi)
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def zeros(x):
    return torch.zeros_like(x)


def changed(*steps):
    """A copy of the activation, changed in place."""

    def function(x):
        copy = x.clone()
        for step in steps:
            step(copy, x)
        return copy

    return function


def put(test, value):
    """``x[test(x)] = value(x)``."""

    def function(x):
        copy, chosen = x.clone(), test(x)
        copy[chosen] = value(x)[chosen] if callable(value) else value
        return copy

    return function


def sigmoid(x):
    return 1 / (1 + (-x).exp())


def gelu_by_tanh(x):
    return 0.5 * x * (1 + torch.tanh(CUBIC * (x + 0.044715 * x**3)))


def own_softplus(x):
    return x.clamp(min=0) + torch.log1p((-x.abs()).exp())


RELU = {
    "max": lambda x: torch.max(x, 0 * x),
    "maximum": lambda x: torch.maximum(zeros(x), x),
    "maximum of a constant": lambda x: torch.maximum(x, torch.zeros(x.shape).double()),
    "fmax": lambda x: torch.fmax(x, torch.tensor(0.0)),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "where, turned": lambda x: torch.where(x <= 0, zeros(x), x),
    "mask": lambda x: x * (x > 0),
    "mask in floats": lambda x: (x >= 0).double() * x,
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "put": put(lambda x: x < 0, 0),
    "absolute": lambda x: (x + x.abs()) / 2,
    "absolute, half": lambda x: 0.5 * x + 0.5 * x.abs(),
    "square root": lambda x: 0.5 * (x + (x * x).sqrt()),
    "heaviside": lambda x: x * torch.heaviside(x, torch.tensor(0.0).double()),
    "sign": lambda x: x * (1 + x.sign()) / 2,
    "minus minimum": lambda x: -torch.minimum(-x, zeros(x)),
    "minus clamp": lambda x: -(-x).clamp(max=0),
    "less the negative part": lambda x: x - x.clamp(max=0),
    "in place": changed(lambda c, x: c.clamp_(min=0)),
    "masked in place": changed(lambda c, x: c.mul_(x > 0)),
    "abs in place": changed(
        lambda c, x: c.abs_(), lambda c, x: c.add_(x), lambda c, x: c.mul_(0.5)
    ),
}
LEAKY = {
    "where": lambda x: torch.where(x > 0, x, 0.1 * x),
    "where, turned": lambda x: torch.where(x < 0, 0.1 * x, x),
    "max": lambda x: torch.max(x, 0.1 * x),
    "maximum": lambda x: torch.maximum(x * 0.1, x),
    "parts": lambda x: F.relu(x) - 0.1 * F.relu(-x),
    "halves": lambda x: x.clamp(min=0) + 0.1 * x.clamp(max=0),
    "max and min": lambda x: torch.maximum(x, zeros(x)) + 0.1 * torch.minimum(x, zeros(x)),
    "absolute": lambda x: 0.55 * x + 0.45 * x.abs(),
    "mask": lambda x: x * torch.where(x > 0, 1.0, x.new_tensor(0.1)),
    "masks": lambda x: x * (x > 0) + 0.1 * x * (x <= 0),
    "put": put(lambda x: x < 0, lambda x: 0.1 * x),
    "scaled": lambda x: 0.9 * F.relu(x) + 0.1 * x,
    "in place": changed(lambda c, x: c.mul_(0.1), lambda c, x: c.copy_(torch.maximum(c, x))),
}
SLOPES = torch.tensor([0.1, -0.5, 0.0, 2.0]).double().view(4, 1, 1)
PRELU = {
    "max and min": lambda x: F.relu(x) + SLOPES * torch.minimum(x, zeros(x)),
    "minus relu": lambda x: F.relu(x) - SLOPES * F.relu(-x),
    "where": lambda x: torch.where(x >= 0, x, SLOPES * x),
    "keras": lambda x: F.relu(x) + SLOPES * (x - x.abs()) * 0.5,
    "clamp": lambda x: x.clamp(min=0) + x.clamp(max=0) * SLOPES.expand(1, 4, 1, 1),
}
ELU = {
    "where": lambda x: torch.where(x > 0, x, 0.7 * (x.exp() - 1)),
    "expm1": lambda x: torch.where(x < 0, 0.7 * torch.expm1(x), x),
    "max and min": lambda x: F.relu(x) + torch.minimum(zeros(x), 0.7 * (x.exp() - 1)),
    "clamps": lambda x: x.clamp(min=0) + (0.7 * (x.exp() - 1)).clamp(max=0),
    "safe": lambda x: torch.where(x > 0, x, 0.7 * torch.expm1(x.clamp(max=0))),
    "parts": lambda x: F.relu(x) - 0.7 * F.relu(1 - x.exp()),
    "put": put(lambda x: x < 0, lambda x: 0.7 * torch.expm1(x)),
    "mask": lambda x: (x > 0) * x + (x <= 0) * 0.7 * (x.exp() - 1),
}
CELU = {
    "max and min": lambda x: x.clamp(min=0) + (0.5 * torch.expm1(x / 0.5)).clamp(max=0),
    "where": lambda x: torch.where(x > 0, x, 0.5 * (torch.exp(2 * x) - 1)),
}
SELU = {
    "elu": lambda x: SCALE * F.elu(x, ALPHA),
    "where": lambda x: SCALE * torch.where(x > 0, x, ALPHA * torch.expm1(x)),
    "five digits": lambda x: 1.0507 * torch.where(x > 0, x, 1.67326 * (x.exp() - 1)),
    "max and min": lambda x: SCALE * (F.relu(x) + torch.minimum(zeros(x), ALPHA * (x.exp() - 1))),
}
GELU = {
    "erf": lambda x: x * 0.5 * (1 + torch.erf(x / SQRT_2)),
    "erf, half first": lambda x: 0.5 * x * (1 + torch.erf(x / SQRT_2)),
    "erf, divided": lambda x: x * (torch.erf(x / SQRT_2) + 1.0) / 2,
    "erf, added": lambda x: 0.5 * x + 0.5 * x * torch.erf(x * 0.7071067811865475),
    "erfc": lambda x: x * 0.5 * torch.erfc(-x / SQRT_2),
    "ndtr": lambda x: x * torch.special.ndtr(x),
}
GELU_TANH = {
    "power": gelu_by_tanh,
    "products": lambda x: x * 0.5 * (1 + torch.tanh(0.7978845608 * x * (1 + 0.044715 * x * x))),
    "torch.pow": lambda x: 0.5 * x * (1 + torch.tanh(CUBIC * (x + 0.044715 * torch.pow(x, 3)))),
}
SILU = {
    "product": lambda x: x * x.sigmoid(),
    "mul": lambda x: torch.sigmoid(x).mul(x),
    "quotient": lambda x: x / (1 + torch.exp(-x)),
    "own sigmoid": lambda x: x * sigmoid(x),
    "exponentials": lambda x: x * x.exp() / (1 + x.exp()),
    "tanh": lambda x: 0.5 * x * (1 + torch.tanh(x / 2)),
    "tanh, outside": lambda x: x * (torch.tanh(0.5 * x) * 0.5 + 0.5),
    "in place": changed(lambda c, x: c.sigmoid_(), lambda c, x: c.mul_(x)),
    "mul_": changed(lambda c, x: c.mul_(c.sigmoid())),
    "addcmul": lambda x: torch.addcmul(zeros(x), x, x.sigmoid()),
    "reciprocal": lambda x: x * (1 + (-x).exp()).reciprocal(),
    "power": lambda x: x * (1 + (-x).exp()) ** -1,
}
MISH = {
    "softplus": lambda x: x * torch.tanh(F.softplus(x)),
    "log1p": lambda x: x * torch.tanh(torch.log1p(x.exp())),
    "log": lambda x: x * (1 + x.exp()).log().tanh(),
    "squares": lambda x: x * ((1 + x.exp()) ** 2 - 1) / ((1 + x.exp()) ** 2 + 1),
}
HARDSWISH = {
    "relu6": lambda x: x * F.relu6(x + 3) / 6,
    "relu6 first": lambda x: F.relu6(x + 3) * x / 6,
    "relu6, divided": lambda x: x * (F.relu6(x + 3) / 6),
    "sixth": lambda x: x * F.relu6(x + 3) * (1 / 6),
    "clamp": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardtanh": lambda x: x * F.hardtanh(x / 6 + 0.5, 0.0, 1.0),
    "hardsigmoid": lambda x: x * F.hardsigmoid(x),
    "max and min": lambda x: x * torch.minimum((x + 3).clamp(min=0), torch.tensor(6.0)) / 6,
    "in place": changed(lambda c, x: F.relu6(c.add_(3), True), lambda c, x: c.div_(6).mul_(x)),
}
SOFTPLUS = {
    "log": lambda x: torch.log(1 + x.exp()),
    "log1p": lambda x: torch.log1p(x.exp()),
    "logaddexp": lambda x: torch.logaddexp(x, zeros(x)),
    "logaddexp of a number": lambda x: torch.logaddexp(torch.tensor(0.0).double(), x),
    "stable": own_softplus,
    "minus log sigmoid": lambda x: -torch.log(torch.sigmoid(-x)),
}
RELU6 = {
    "min and max": lambda x: torch.minimum(torch.maximum(x, zeros(x)), torch.tensor(6.0).double()),
    "clamp": lambda x: x.clamp(0, 6),
    "clamps": lambda x: x.clamp(min=0).clamp(max=6),
    "relu": lambda x: F.relu(x).clamp(max=6),
    "parts": lambda x: F.relu(x) - F.relu(x - 6),
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 6.0),
    "upper first": lambda x: F.relu(x.clamp(max=6)),
}
HARDTANH = {
    "clamp": lambda x: x.clamp(-1, 1),
    "clamps": lambda x: x.clamp(min=-1).clamp(max=1),
    "max and min": lambda x: torch.max(torch.min(x, zeros(x) + 1), zeros(x) - 1),
    "where": lambda x: torch.where(x > 1, 1.0, torch.where(x < -1, -1.0, x)),
    "absolute": lambda x: 0.5 * ((x + 1).abs() - (x - 1).abs()),
    "parts": lambda x: F.relu(x + 1) - F.relu(x - 1) - 1,
}
SIGMOID = {
    "reciprocal": sigmoid,
    "quotient": lambda x: x.exp() / (1 + x.exp()),
    "tanh": lambda x: (torch.tanh(x / 2) + 1) / 2,
    "in place": changed(lambda c, x: c.sigmoid_()),
    "steps in place": changed(lambda c, x: c.neg_().exp_().add_(1).reciprocal_()),
    "softplus": lambda x: (-F.softplus(-x)).exp(),
}
HARDSIGMOID = {
    "relu6": lambda x: F.relu6(x + 3) / 6,
    "clamp": lambda x: torch.clamp(x + 3, 0, 6) / 6,
    "clamp to one": lambda x: (x / 6 + 0.5).clamp(0, 1),
    "hardtanh": lambda x: F.hardtanh(x + 3, 0.0, 6.0) * (1 / 6),
    "in place": changed(lambda c, x: c.add_(3).clamp_(0, 6).div_(6)),
    "max and min": lambda x: torch.min(torch.max(x + 3, zeros(x)), zeros(x) + 6) / 6,
}
TANH = {
    "sigmoid": lambda x: 2 * torch.sigmoid(2 * x) - 1,
    "exponentials": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "one exponential": lambda x: 1 - 2 / ((2 * x).exp() + 1),
    "hyperbolic": lambda x: torch.sinh(x) / torch.cosh(x),
}
SOFTSIGN = {
    "quotient": lambda x: x / (1 + x.abs()),
    "product": lambda x: x * (1 / (1 + x.abs())),
    "reciprocal": lambda x: x * (1 + x.abs()).reciprocal(),
    "in place": changed(lambda c, x: c.abs_().add_(1), lambda c, x: c.copy_(x / c)),
}
TANHSHRINK = {
    "difference": lambda x: x - x.tanh(),
    "in place": changed(lambda c, x: c.sub_(x.tanh())),
    "turned": lambda x: -(x.tanh() - x),
}
SOFTSHRINK = {
    "where": lambda x: torch.where(x > 0.5, x - 0.5, torch.where(x < -0.5, x + 0.5, 0.0)),
    "sign": lambda x: x.sign() * F.relu(x.abs() - 0.5),
    "parts": lambda x: F.relu(x - 0.5) - F.relu(-x - 0.5),
    "clip": lambda x: x - x.clamp(-0.5, 0.5),
}
HARDSHRINK = {
    "where": lambda x: torch.where(x.abs() > 0.5, x, 0.0),
    "mask": lambda x: x * (x.abs() > 0.5),
    "masked_fill": lambda x: x.masked_fill((x >= -0.5) & (x <= 0.5), 0.0),
}
LOGSIGMOID = {
    "log": lambda x: torch.log(torch.sigmoid(x)),
    "softplus": lambda x: -F.softplus(-x),
    "difference": lambda x: x - F.softplus(x),
    "log1p": lambda x: -torch.log1p((-x).exp()),
    "stable": lambda x: torch.minimum(x, zeros(x)) - torch.log1p((-x.abs()).exp()),
}
THRESHOLD = {
    "where": lambda x: torch.where(x > 0.3, x, 0.0),
    "mask": lambda x: x * (x > 0.3),
    "masked_fill": lambda x: x.masked_fill(x <= 0.3, 0.0),
}
NEGATIVE = {
    "minimum": lambda x: torch.minimum(x, zeros(x)),
    "minus relu": lambda x: -F.relu(-x),
    "mask": lambda x: x * (x < 0),
    "absolute": lambda x: (x - x.abs()) / 2,
    "difference": lambda x: x - F.relu(x),
}

SPELLINGS = {
    "relu": (F.relu, RELU),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.1), LEAKY),
    "rrelu": (lambda x: F.rrelu(x, 0.1, 0.3), {"where": lambda x: torch.where(x > 0, x, 0.2 * x)}),
    "prelu": (lambda x: F.prelu(x, SLOPES.flatten()), PRELU),
    "elu": (lambda x: F.elu(x, 0.7), ELU),
    "celu": (lambda x: F.celu(x, 0.5), CELU),
    "selu": (F.selu, SELU),
    "gelu": (F.gelu, GELU),
    "gelu by tanh": (lambda x: F.gelu(x, approximate="tanh"), GELU_TANH),
    "silu": (F.silu, SILU),
    "mish": (F.mish, MISH),
    "hardswish": (F.hardswish, HARDSWISH),
    "softplus": (F.softplus, SOFTPLUS),
    "relu6": (F.relu6, RELU6),
    "hardtanh": (F.hardtanh, HARDTANH),
    "sigmoid": (torch.sigmoid, SIGMOID),
    "hardsigmoid": (F.hardsigmoid, HARDSIGMOID),
    "tanh": (torch.tanh, TANH),
    "softsign": (F.softsign, SOFTSIGN),
    "tanhshrink": (F.tanhshrink, TANHSHRINK),
    "softshrink": (F.softshrink, SOFTSHRINK),
    "hardshrink": (F.hardshrink, HARDSHRINK),
    "logsigmoid": (F.logsigmoid, LOGSIGMOID),
    "threshold": (lambda x: F.threshold(x, 0.3, 0.0), THRESHOLD),
    "clamp(max=0)": (lambda x: x.clamp(max=0), NEGATIVE),
}

CASES = [(name, spelling) for name, (_, ways) in SPELLINGS.items() for spelling in ways]


class Skip(nn.Module):
    """A block with a way around it: a wrong factor changes the picture, not only its scale."""

    def __init__(self, activation):
        super().__init__()
        torch.manual_seed(2)
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.activation = activation
        self.double().eval()

    def forward(self, x):
        y = self.first(x)
        return (y + self.last(self.activation(y))).mean((2, 3))


def image():
    return torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(1)).double()
