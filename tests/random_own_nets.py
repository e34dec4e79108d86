"""Nets as people write them, drawn at random, each with a twin that plain autograd can follow.

A row of ``PIECES`` has two forms of one function of a map, another map of the same shape and the
net's parts. The first is how a stranger writes it: functions that have a backward of their own,
operations from outside torch, hooks on activations, calls by keyword, gates in place. The second
is written for autograd, with ``rectified`` and ``gate`` saying what the family does at these.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import nn
from torch.autograd import Function
from torch.utils.checkpoint import checkpoint
from torchvision import ops

CHANNELS = 4


class Rectified(Function):
    """ReLU, whose way back is the deconvnet's."""

    @staticmethod
    def forward(ctx, x):
        return x.relu()

    @staticmethod
    def backward(ctx, g):
        return g.relu()


class Straight(Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(4 * x) / 4

    @staticmethod
    def backward(ctx, g):
        return g


class Surrogate(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        g = g / (1 + x.abs()) ** 2
        g[x.abs() > 2] = 0
        return g


class Reversed(Function):
    @staticmethod
    def forward(x):
        return x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return -0.5 * g


class Pair(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x)
        return x.sin() + y, x.mean((2, 3), keepdim=True) * y

    @staticmethod
    def backward(ctx, one, other):
        (x,) = ctx.saved_tensors
        return one * x.cos(), one + 2 * other


class InPlace(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(0.5)

    @staticmethod
    def backward(ctx, g):
        return 0.25 * g


@torch.library.custom_op("own_nets::bent", mutates_args=())
def bent(x: torch.Tensor, by: float) -> torch.Tensor:
    return x + by * x.sin()


bent.register_autograd(
    lambda ctx, g: (g * (1 + ctx.by * ctx.saved_tensors[0].cos()), None),
    setup_context=lambda ctx, inputs, output: (
        ctx.save_for_backward(inputs[0]),
        setattr(ctx, "by", inputs[1]),
    )[0],
)


@dataclass(frozen=True)
class Family:
    """What the twin does at rectifiers and gates."""

    rectified: object
    gate: object


FAMILIES = {
    "deconvnet": Family(Rectified.apply, lambda x: x.sigmoid().detach()),
    "gradient": Family(torch.relu, torch.sigmoid),
}


def padding(t):
    """None, unless the map is small."""
    return int(min(t.shape[2:]) < 4)


def boxes(t):
    whole = torch.tensor([[0.0, 0, t.shape[3] - 1, t.shape[2] - 1]], dtype=t.dtype)
    return [whole] * len(t)


def deformed(t, o, p, f=None):
    offsets = torch.cos(torch.arange(18 * t.shape[2] * t.shape[3], dtype=t.dtype))
    offsets = offsets.view(1, 18, *t.shape[2:]).expand(len(t), -1, -1, -1)
    return ops.deform_conv2d(t, offsets.contiguous(), p.conv.weight, padding=1)


def hooked(factor):
    """Hooks that are positively homogeneous, so that no seed is too small or too large for them."""

    def run(t, o, p, f=None):
        t = t * 1.0
        t.register_hook(lambda g: factor * g)
        t.register_hook(lambda g: torch.where(g > 0, g, 0.25 * g))
        return t

    return run


def retained(t, o, p, f=None):
    t = p.conv(t)
    t.retain_grad()
    return t


def gated(t, o, p):
    value, gate = p.wide(t)[:, : 2 * CHANNELS].chunk(2, 1)
    return value * gate.sigmoid_()


def gated_twin(t, o, p, f):
    value, gate = p.wide(t)[:, : 2 * CHANNELS].chunk(2, 1)
    return value * f.gate(gate)


def two_gates(t, o, p):
    one, other, value = p.wide(t).chunk(3, 1)
    return value * one.sigmoid_() + value * other.sigmoid_()


def two_gates_twin(t, o, p, f):
    one, other, value = p.wide(t).chunk(3, 1)
    return value * f.gate(one) + value * f.gate(other)


def squeezed(t, o, p):
    return t.mul_(p.point(input=t.mean((2, 3), keepdim=True)).sigmoid_())


def on_half(t, o, p):
    t = p.conv(t)
    t[:, :2].relu_()
    return t


def on_half_twin(t, o, p, f):
    t = p.conv(t)
    return torch.cat([f.rectified(t[:, :2]), t[:, 2:]], 1)


def same(function):
    """A piece that autograd follows as it is."""
    return function, function


PIECES = {
    "convolution by keyword": same(lambda t, o, p, f=None: p.conv(input=t)),
    "narrowing convolution": same(
        lambda t, o, p, f=None: F.conv2d(t, weight=p.conv.weight, padding=padding(t))
    ),
    "relu": (lambda t, o, p: F.relu(input=t), lambda t, o, p, f: f.rectified(t)),
    "relu in place": (lambda t, o, p: p.conv(t).relu_(), lambda t, o, p, f: f.rectified(p.conv(t))),
    "relu of half in place": (on_half, on_half_twin),
    "relu in a checkpoint": (
        lambda t, o, p: checkpoint(torch.relu, t, use_reentrant=True),
        lambda t, o, p, f: f.rectified(t),
    ),
    "max pool by keyword": same(
        lambda t, o, p, f=None: F.max_pool2d(input=t, kernel_size=2, stride=1)
    ),
    "residual": (
        lambda t, o, p: (p.conv(t) + o).relu_(),
        lambda t, o, p, f: f.rectified(p.conv(t) + o),
    ),
    "straight through": same(lambda t, o, p, f=None: Straight.apply(t)),
    "surrogate": same(lambda t, o, p, f=None: Surrogate.apply(t) + 0.5 * o),
    "reversed": same(lambda t, o, p, f=None: Reversed.apply(t) + 2 * t),
    "pair": same(lambda t, o, p, f=None: sum(Pair.apply(t, o))),
    "first of a pair": same(lambda t, o, p, f=None: Pair.apply(t, o)[0]),
    "function in place": (
        lambda t, o, p: InPlace.apply(p.conv(t)),
        lambda t, o, p, f: InPlace.apply(p.conv(t)),
    ),
    "custom operation": same(lambda t, o, p, f=None: bent(t, 0.5)),
    "boxes": same(lambda t, o, p, f=None: ops.roi_align(t, boxes(t), 4)),
    "pooled boxes": same(lambda t, o, p, f=None: ops.roi_pool(t, boxes(t), 4)),
    "deformed convolution": same(deformed),
    "hook": same(hooked(0.5)),
    "negative hook": same(hooked(-2.0)),
    "retained": same(retained),
    "gate in place": (gated, gated_twin),
    "two gates in place": (two_gates, two_gates_twin),
    "squeeze and excite in place": (
        lambda t, o, p: squeezed(t * 1.5, o, p),
        lambda t, o, p, f: t * 1.5 * f.gate(p.point((t * 1.5).mean((2, 3), keepdim=True))),
    ),
    "elementwise": same(lambda t, o, p, f=None: torch.atan(t)),
}


@dataclass(frozen=True)
class Node:
    """One piece, on a map made before and on another of the same shape."""

    name: str
    first: int
    second: int


NODES = st.builds(Node, st.sampled_from(sorted(PIECES)), st.integers(0, 3), st.integers(0, 3))


class Parts(nn.Module):
    """The filters of one node."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.point = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.wide = nn.Conv2d(CHANNELS, 3 * CHANNELS, 1)


class OwnNet(nn.Module):
    """A convolution, then the nodes; ``family`` runs the twin."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes, self.stem = nodes, nn.Conv2d(2, CHANNELS, 3)
        self.parts, self.top = nn.ModuleList([Parts() for _ in nodes]), nn.Identity()

    def forward(self, image, family=None):
        made = [self.stem(image)]
        for node, parts in zip(self.nodes, self.parts, strict=True):
            entered = made[-1 - node.first % len(made)]
            alike = [t for t in made if t.shape == entered.shape]
            other = alike[node.second % len(alike)]
            spelled, twin = PIECES[node.name]
            given = (entered, other, parts)
            made.append(spelled(*given) if family is None else twin(*given, FAMILIES[family]))
        return self.top(made[-1])

    def __repr__(self):
        return f"OwnNet of {self.nodes}"


@st.composite
def own_nets(draw):
    """(net, images): one to eight nodes on pictures large enough for them."""
    nodes = draw(st.lists(NODES, min_size=1, max_size=8))
    torch.manual_seed(draw(st.integers(0, 2**16)))
    images = torch.randn(2, 2, draw(st.integers(19, 21)), draw(st.integers(19, 21))).double()
    return OwnNet(nodes).double().eval(), images
