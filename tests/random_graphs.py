"""Graphs over every operation of the rule table, drawn at random.

A row of ``OPERATIONS`` makes a module from a channel count and three small numbers; its ``forward``
takes a map and another one of the same shape. Values are (N, C, H, W) throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import nn

REFUSED = (RuntimeError, ValueError, ZeroDivisionError, IndexError)
LARGEST = 4e3
CHANNELS = 4


class Function(nn.Module):
    """A function of one map and another, with what it keeps."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, t, o):
        return self.function(t, o, *self.parts)


def alone(module):
    """A module that takes one map."""
    return Function(lambda t, o, inner: inner(t), module)


def convolution(c, n, **options):
    return nn.Conv2d(c, CHANNELS, 1 + n[0] % 3, padding=n[1] % 2, **options)


def strided(c, n):
    stride, dilation = (1 + n[0] % 2, 1 + n[1] % 2), 1 + n[2] % 2
    return convolution(c, (2, 1, 0), stride=stride, dilation=dilation)


def grouped(c, n):
    groups = c if n[2] % 2 else 2
    return nn.Conv2d(c, c, 3, padding=1, groups=groups, bias=bool(n[0] % 2))


def bordered(c, n):
    return convolution(c, (2, 1, 0), padding_mode=("reflect", "replicate", "circular")[n[0] % 3])


def upwards(c, n):
    """A transposed convolution."""
    stride = 1 + n[0] % 2
    return nn.ConvTranspose2d(
        c, CHANNELS, 2 + n[1] % 2, stride, padding=n[2] % 2, output_padding=stride - 1
    )


class Standardised(nn.Conv2d):
    """Weights less their mean, over their deviation."""

    def forward(self, t):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(t, weight, self.bias, padding=1)


def max_pool(c, n):
    size = 2 + n[0] % 2
    return nn.MaxPool2d(
        size, 1 + n[1] % 2, padding=n[2] % 2, dilation=1 + n[2] // 2 % 2, ceil_mode=n[1] % 3 == 0
    )


def average_pool(c, n):
    return nn.AvgPool2d(
        2 + n[0] % 2,
        1 + n[1] % 2,
        padding=n[2] % 2,
        ceil_mode=n[1] % 3 == 0,
        count_include_pad=n[0] > 1,
        divisor_override=3 if n[2] > 2 else None,
    )


def batch_norm(c, n):
    norm = nn.BatchNorm2d(c)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return affine(norm)


def affine(norm):
    """Weights of either sign."""
    nn.init.normal_(norm.weight)
    if getattr(norm, "bias", None) is not None:
        nn.init.normal_(norm.bias)
    return norm


def last(module):
    """A module that works on channels in the last dimension."""
    return Function(lambda t, o, inner: inner(t.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), module)


def squeeze_excite(c, n):
    gate = (nn.Sigmoid(), nn.Hardsigmoid())[n[0] % 2]
    inner = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 2, 1), nn.ReLU(), nn.Conv2d(2, c, 1)
    )
    return Function(lambda t, o, inner, gate: t * gate(inner(t)), inner, gate)


def spatial_gate(c, n):
    """One gate a position, made from another map."""
    return Function(lambda t, o, inner: t * inner(o).sigmoid(), nn.Conv2d(c, 1, 3, padding=1))


def selective(c, n):
    """Two branches, mixed by softmax weights (selective kernel, split attention)."""

    def mix(t, o, one, other, weigh):
        branches = torch.stack([one(t), other(t)], 1)
        weights = weigh(branches.sum(1).mean((2, 3), keepdim=True))
        weights = weights.view(t.shape[0], 2, c, 1, 1).softmax(1)
        return (branches * weights).sum(1)

    filters = [nn.Conv2d(c, c, size, padding=size // 2) for size in (1, 3)]
    return Function(mix, *filters, nn.Conv2d(c, 2 * c, 1))


def attention(c, n):
    """Self-attention over positions, spelled out or fused."""

    def attend(t, o, query, key, value):
        q, k, v = (part(t).flatten(2).transpose(1, 2) for part in (query, key, value))
        if n[0] % 2:
            mixed = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        else:
            mixed = (q @ k.transpose(1, 2) / c**0.5).softmax(-1) @ v
        return mixed.transpose(1, 2).unflatten(2, t.shape[2:])

    return Function(attend, *(nn.Conv2d(c, c, 1) for _ in range(3)))


def residual(c, n):
    """An activation before the sum, after it, or both; the filter's, or the map's own."""
    filters = nn.Conv2d(c, c, 3, padding=1)
    before, after = (nn.ReLU(inplace=bool(n[1] % 2)) if n[0] >> bit & 1 else nn.Identity()
                     for bit in (0, 1))  # fmt: skip
    return Function(lambda t, o, f, b, a: a(b(f(t)) + t), filters, before, after)


def shared(c, n):
    """One module, called twice."""
    return Function(
        lambda t, o, f, a: a(f(a(f(t))) + o), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(bool(n[0] % 2))
    )


def bound(t, n):
    """Constants: zero, one number, one a place, and of either sign."""
    waves = torch.arange(t[:1].numel()).double().cos().view(t[:1].shape)
    return (0 * waves, 0 * waves + 0.3, waves.abs(), waves)[n[0] % 4]


def shuffled(t, groups):
    return t.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class Scaled(nn.Module):
    """A product with a parameter, one number a channel."""

    def __init__(self, c):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(c, 1, 1))

    def forward(self, t):
        return t * self.scale


class Deviation(nn.Module):
    """A norm that is spelled out, over channels."""

    def forward(self, t):
        return t / (t.var(1, keepdim=True, correction=0) + 0.1).sqrt()


def plainly(function):
    """A row for a function without parts: of the map, the other map and three numbers."""
    return lambda c, n: Function(lambda t, o: function(t, o, n))


def simply(module, *arguments):
    """A row for a module that takes no channel count."""
    return lambda c, n: alone(module(*arguments))


FILTERS: dict[str, Callable] = {
    "convolution": lambda c, n: alone(convolution(c, n)),
    "strided convolution": lambda c, n: alone(strided(c, n)),
    "grouped convolution": lambda c, n: alone(grouped(c, n)),
    "bordered convolution": lambda c, n: alone(bordered(c, n)),
    "transposed convolution": lambda c, n: alone(upwards(c, n)),
    "standardised convolution": lambda c, n: alone(Standardised(c, CHANNELS, 3)),
    "linear": lambda c, n: last(nn.Linear(c, CHANNELS)),
    "unfolded convolution": lambda c, n: Function(
        lambda t, o, f: f(F.unfold(t, 3, padding=1).unflatten(2, t.shape[2:])),
        nn.Conv2d(9 * c, CHANNELS, 1),
    ),
}

POOLS = {
    "max pool": lambda c, n: alone(max_pool(c, n)),
    "adaptive max pool": lambda c, n: alone(nn.AdaptiveMaxPool2d((1 + n[0] % 3, 2))),
    "max over a dimension": plainly(lambda t, o, n: t.max(2 + n[0] % 2, keepdim=True)[0] + t),
    "global maximum": plainly(lambda t, o, n: t.amax((2, 3), keepdim=True) + t),
    "larger of two": plainly(lambda t, o, n: torch.maximum(t, o)),
    "smaller of two": plainly(lambda t, o, n: torch.minimum(t, o)),
    "average pool": lambda c, n: alone(average_pool(c, n)),
    "adaptive average pool": lambda c, n: alone(nn.AdaptiveAvgPool2d((1 + n[0] % 3, 2))),
    "mean": plainly(lambda t, o, n: t + t.mean((2, 3), keepdim=True)),
}

ACTIVATIONS = {
    "relu": plainly(lambda t, o, n: F.relu(t)),
    "relu in place": plainly(lambda t, o, n: F.relu(t, inplace=not t._is_view())),
    "clamp": plainly(lambda t, o, n: t.clamp(min=0)),
    "threshold": plainly(lambda t, o, n: F.threshold(t, 0.0, 0.0)),
    "relu6": simply(nn.ReLU6),
    "hardtanh": simply(nn.Hardtanh),
    "gelu": simply(nn.GELU),
    "silu": simply(nn.SiLU),
    "silu spelled out": plainly(lambda t, o, n: t * torch.sigmoid(t)),
    "mish": simply(nn.Mish),
    "hardswish": simply(nn.Hardswish),
    "elu": simply(nn.ELU),
    "selu": simply(nn.SELU),
    "celu": simply(nn.CELU, 0.7),
    "softplus": simply(nn.Softplus),
    "leaky relu": lambda c, n: alone(nn.LeakyReLU(n[0] / 3)),
    "prelu": lambda c, n: alone(nn.PReLU(c)),
    "rrelu": simply(nn.RReLU),
    "larger than a constant": plainly(lambda t, o, n: torch.maximum(t, bound(t, n))),
    "smaller than a constant": plainly(lambda t, o, n: torch.minimum(bound(t, n), t)),
    "tanh": simply(nn.Tanh),
    "sigmoid": simply(nn.Sigmoid),
    "residual": residual,
    "shared": shared,
}

NORMS = {
    "batch norm": lambda c, n: alone(batch_norm(c, n)),
    "group norm": lambda c, n: alone(affine(nn.GroupNorm(2 if n[0] % 2 else 1, c))),
    "instance norm": lambda c, n: alone(affine(nn.InstanceNorm2d(c, affine=True))),
    "layer norm": lambda c, n: last(affine(nn.LayerNorm(c))),
    "rms norm": lambda c, n: last(affine(nn.RMSNorm(c))),
    "norm spelled out": simply(Deviation),
    "layer scale": lambda c, n: alone(Scaled(c)),
}

GATES = {
    "squeeze excite": squeeze_excite,
    "spatial gate": spatial_gate,
    "gated linear unit": lambda c, n: Function(
        lambda t, o, f: F.glu(f(t), 1), nn.Conv2d(c, 2 * c, 1)
    ),
    "selective kernels": selective,
    "attention": attention,
}

LINEAR = {
    "sum": plainly(lambda t, o, n: t + o),
    "difference": plainly(lambda t, o, n: torch.sub(t, o, alpha=1 + n[0])),
    "negative": plainly(lambda t, o, n: -t),
    "multiple": plainly(lambda t, o, n: t * (-1.5, 1.0, 0.5, 2.0)[n[0]]),
    "shift": plainly(lambda t, o, n: t + n[0]),
    "quotient": plainly(lambda t, o, n: t / (n[0] + 1)),
    "concatenation": plainly(lambda t, o, n: torch.cat([t, o], 1 + n[0] % 3)),
    "half": plainly(lambda t, o, n: t.chunk(2, 1 + n[0] % 3)[n[1] % 2]),
    "halves swapped": plainly(lambda t, o, n: torch.cat(t.chunk(2, 1)[::-1], 1)),
    "slice": plainly(lambda t, o, n: t[:, :, n[0] % 2 :, :: 1 + n[1] % 2]),
    "nearest": plainly(lambda t, o, n: F.interpolate(t, scale_factor=1 + n[0] % 2)),
    "bilinear": plainly(
        lambda t, o, n: F.interpolate(t, (5, 4), mode="bilinear", align_corners=bool(n[0] % 2))
    ),
    "bicubic": plainly(lambda t, o, n: F.interpolate(t, (4, 5), mode="bicubic")),
    "padding": plainly(
        lambda t, o, n: F.pad(t, (1, 0, 1, 1), ("constant", "reflect", "replicate")[n[0] % 3])
    ),
    "pixel shuffle": plainly(lambda t, o, n: F.pixel_shuffle(t, 2)),
    "pixel unshuffle": plainly(lambda t, o, n: F.pixel_unshuffle(t, 2)),
    "channel shuffle": plainly(lambda t, o, n: shuffled(t, 2)),
    "roll": plainly(lambda t, o, n: t.roll(1 + n[0], 1 + n[1] % 3)),
    "flip": plainly(lambda t, o, n: t.flip(1 + n[0] % 3)),
    "turn": plainly(lambda t, o, n: t.transpose(2, 3)),
    "dropout": simply(nn.Dropout),
    "mask": plainly(lambda t, o, n: t.masked_fill(torch.arange(t.shape[3]) % 3 == n[0], 0.5)),
    "scattered": plainly(lambda t, o, n: torch.index_select(t, 1, torch.tensor([1, 0, 0, 1]))),
}

WITHOUT_RULE = {
    "product": lambda c, n: Function(lambda t, o, f: t * f(o), nn.Conv2d(c, c, 1)),
    "absolute": plainly(lambda t, o, n: t.abs()),
    "power": plainly(lambda t, o, n: (t.abs() + 0.1) ** (3, -0.5, 0.5, -1)[n[0] % 4]),
    "product with a power": plainly(
        lambda t, o, n: o * (t**2 + 0.1) ** (3, -0.5, 0.5, -1)[n[0] % 4]
    ),
    "exponential": plainly(lambda t, o, n: o * (0.1 * t).exp()),
}

OPERATIONS = {**FILTERS, **POOLS, **ACTIVATIONS, **NORMS, **GATES, **LINEAR, **WITHOUT_RULE}
FAMILIES = (FILTERS, POOLS, ACTIVATIONS, ACTIVATIONS, NORMS, GATES, LINEAR, WITHOUT_RULE)


@dataclass(frozen=True)
class Node:
    """One operation, on a map made before and on another of the same shape."""

    name: str
    first: int
    second: int
    numbers: tuple[int, int, int]


NODES = st.builds(
    Node,
    st.one_of(*(st.sampled_from(sorted(family)) for family in FAMILIES)),
    st.integers(0, 7),
    st.integers(0, 3),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
)


class Graph(nn.Module):
    """A convolution, then the nodes; what the last one made is the output."""

    def __init__(self):
        super().__init__()
        self.nodes: list[Node] = []
        self.stem, self.modules_of = nn.Conv2d(2, CHANNELS, 3, padding=1), nn.ModuleList()
        self.top = nn.Identity()

    def forward(self, image):
        made = [self.stem(image)]
        for node, module in zip(self.nodes, self.modules_of, strict=True):
            entered = made[-1 - node.first % len(made)]
            alike = [t for t in made if t.shape == entered.shape]
            made.append(module(entered, alike[node.second % len(alike)]))
        return self.top(made[-1])

    def __repr__(self):
        return f"Graph of {self.nodes}"

    def accepts(self, node, image):
        """Add a node, unless torch or autograd refuses it or its numbers are not moderate.

        Autograd refuses what torch computes without it: parts of a split that change in place.
        """
        before = len(self.nodes)
        try:
            made = made_channels(self, image)
            module = OPERATIONS[node.name](made[-1 - node.first % len(made)], node.numbers)
            self.nodes.append(node)
            self.modules_of.append(module.double().eval())
            with torch.enable_grad():
                output = self(image.clone()).detach()
            if not 0 < output.numel() < LARGEST or not bool((output.abs() < LARGEST).all()):
                raise ValueError("not moderate")
        except REFUSED:
            del self.nodes[before:], self.modules_of[before:]


def made_channels(graph, image):
    """The number of channels of every map so far."""
    counts = [graph.stem.out_channels]
    handles = [
        module.register_forward_hook(lambda m, args, output: counts.append(output.shape[1]))
        for module in graph.modules_of
    ]
    with torch.no_grad():
        graph(image.clone())
    for handle in handles:
        handle.remove()
    return counts


@st.composite
def graphs(draw):
    """(graph, images): two to twelve nodes, less those that do not fit."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    images = torch.randn(2, 2, draw(st.integers(4, 8)), draw(st.integers(4, 8))).double()
    graph = Graph().double().eval()
    for node in draw(st.lists(NODES, min_size=2, max_size=12)):
        graph.accepts(node, images)
    return graph, images
