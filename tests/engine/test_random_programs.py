"""Random small programs: with ``relu="gradient"`` the engine must equal autograd.

Autograd follows views, in-place changes and reuse by other means than the recorder does, so it
is an oracle for what was recorded. ``RANDOM_PROGRAMS=5000`` runs that many, newly drawn, at night.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import UnsupportedOperationError

EXAMPLES = int(os.environ.get("RANDOM_PROGRAMS", "200"))
REFUSED = (RuntimeError, IndexError, ValueError, TypeError, ZeroDivisionError)


def constant(*shape):
    """Fixed numbers of either sign."""
    return torch.cos(torch.arange(math.prod(shape), dtype=torch.float64) * 1.7 + 0.3).view(shape)


def axis(t, number):
    """Any dimension but the first: images are never mixed."""
    return 1 + number % (t.dim() - 1)


def cut(t, n):
    """A slice with a step along any dimension."""
    index = [slice(None)] * t.dim()
    index[axis(t, n[0])] = slice(n[1] % 3, None, 1 + n[2] % 3)
    return t[tuple(index)]


def rows(t, n):
    """Three places along dimension 1, one of them twice."""
    return torch.tensor([n[0], n[1], n[0]]) % t.shape[1]


def weights(t, outputs=3, size=3):
    return constant(outputs, t.shape[1], size, size) / t.shape[1]


def halves(t, n, apart):
    """``chunk``; autograd refuses changes of its views, and gets single ones (``apart``)."""
    dim = axis(t, n[0])
    size = -(-t.shape[dim] // 2)
    if not apart:
        return t.chunk(2, dim)
    return [t.narrow(dim, at, min(size, t.shape[dim] - at)) for at in range(0, t.shape[dim], size)]


def parts(t, n, apart):
    dim, size = axis(t, n[0]), 1 + n[1] % 3
    if not apart:
        return t.split(size, dim)
    return [t.narrow(dim, at, min(size, t.shape[dim] - at)) for at in range(0, t.shape[dim], size)]


def places(t, n, apart):
    dim = axis(t, n[0])
    return [t.select(dim, i) for i in range(t.shape[dim])] if apart else t.unbind(dim)


SEVERAL = {"chunk": halves, "split": parts, "unbind": places}

VIEWS = {
    "slice": lambda t, o, n: cut(t, n),
    "select": lambda t, o, n: t.select(axis(t, n[0]), n[1] % t.shape[axis(t, n[0])]),
    "transpose": lambda t, o, n: t.transpose(axis(t, n[0]), axis(t, n[1])),
    "permute": lambda t, o, n: t.permute(0, *range(t.dim() - 1, 0, -1)),
    "view": lambda t, o, n: t.view(t.shape[0], -1, t.shape[-1]),
    "reshape": lambda t, o, n: t.reshape(t.shape[0], -1),
    "halve": lambda t, o, n: t.reshape(t.shape[0], 2, -1),
    "expand": lambda t, o, n: t.unsqueeze(1).expand(-1, 2, *t.shape[1:]),
    "broadcast": lambda t, o, n: t[:, :1].expand(t.shape),
    "unsqueeze": lambda t, o, n: t.unsqueeze(1 + n[0] % t.dim()),
    "squeeze": lambda t, o, n: t.squeeze(axis(t, n[0])),
    "unfold": lambda t, o, n: t.unfold(-1, 2, 2 + n[0] % 2),
    "diagonal": lambda t, o, n: t.diagonal(n[0] % 2, -2, -1),
    "alias": lambda t, o, n: t.view_as(t),
    "detach": lambda t, o, n: t.detach(),
    "as_strided": lambda t, o, n: t.contiguous().as_strided(
        (t.shape[0], 3), (t[0].numel(), 2), n[0] % 3
    ),
}

STATEMENTS = {
    "relu_": lambda t, o, n: t.relu_(),
    "leaky_relu_": lambda t, o, n: F.leaky_relu_(t, 0.1),
    "sigmoid_": lambda t, o, n: t.sigmoid_(),
    "tanh_": lambda t, o, n: t.tanh_(),
    "neg_": lambda t, o, n: t.neg_(),
    "add_": lambda t, o, n: t.add_(o, alpha=0.5),
    "add_ number": lambda t, o, n: t.add_(n[0] - 1),
    "sub_": lambda t, o, n: t.sub_(o),
    "mul_": lambda t, o, n: t.mul_(o),
    "mul_ number": lambda t, o, n: t.mul_(n[0] - 1.5),
    "mul_ constant": lambda t, o, n: t.mul_(constant(t.shape[-1])),
    "div_": lambda t, o, n: t.div_(o.abs() + 1),
    "addcmul_": lambda t, o, n: t.addcmul_(o, t.flip(1), value=0.5),
    "lerp_": lambda t, o, n: t.lerp_(o, 0.25),
    "clamp_": lambda t, o, n: t.clamp_(-0.5, 0.5),
    "zero_": lambda t, o, n: t.zero_(),
    "fill_": lambda t, o, n: t.fill_(0.5),
    "copy_": lambda t, o, n: t.copy_(o),
    "copy_ constant": lambda t, o, n: t.copy_(constant(t.shape[-1])),
    "masked_fill_": lambda t, o, n: t.masked_fill_(constant(t.shape[-1]) > 0, 0.5),
    "masked_fill_ own": lambda t, o, n: t.masked_fill_(t > 0.3, 0.5),
    "t[:, i] = number": lambda t, o, n: t.__setitem__((slice(None), n[0] % t.shape[1]), 0.5),
    "t[:, i] = o[:, j]": lambda t, o, n: t.__setitem__((slice(None), n[0] % 2), o[:, n[1] % 2]),
    "t[:, ::2] *= 2": lambda t, o, n: t[:, ::2].mul_(2),
    "t[..., 1:] += o[..., :-1]": lambda t, o, n: t[..., 1:].add_(o[..., :-1]),
    "t[:, rows] = o[:, rows]": lambda t, o, n: t.__setitem__(
        (slice(None), rows(t, n)[:2]), o[:, rows(o, n)[1:]]
    ),
    "t[t > 0] = number": lambda t, o, n: t.__setitem__(t > 0, 0.25),
    "index_add_": lambda t, o, n: t.index_add_(1, rows(t, n), o[:, rows(o, n)], alpha=2),
    "index_fill_": lambda t, o, n: t.index_fill_(1, rows(t, n), 0.5),
    "scatter_": lambda t, o, n: t.scatter_(1, t.argsort(1), o.clone()),
    "transpose_": lambda t, o, n: t.transpose_(axis(t, n[0]), axis(t, n[1])),
    "unsqueeze_": lambda t, o, n: t.unsqueeze_(1),
    "squeeze_": lambda t, o, n: t.squeeze_(axis(t, n[0])),
}


def filled(t, o, n):
    """A fresh buffer, written piece by piece."""
    buffer = t.new_zeros(t.shape)
    buffer[:, ::2] = t[:, ::2]
    buffer[:, n[0] % t.shape[1]] += o[:, n[1] % o.shape[1]]
    return buffer


def gathered(t, o, n):
    """A fresh buffer, one row after another."""
    buffer = torch.empty_like(t)
    for row in range(t.shape[1]):
        buffer[:, row] = t[:, row] if (row + n[0]) % 2 else o[:, row].relu()
    return buffer


FUNCTIONS = {
    "relu": lambda t, o, n: F.relu(t),
    "x + x": lambda t, o, n: t + t,
    "x - x": lambda t, o, n: torch.sub(t, t, alpha=3),
    "x * x": lambda t, o, n: t * t,
    "x * x.detach()": lambda t, o, n: t * t.detach(),
    "add": lambda t, o, n: t + o,
    "sub": lambda t, o, n: torch.sub(t, o, alpha=2),
    "rsub": lambda t, o, n: 1 - t,
    "mul": lambda t, o, n: t * o,
    "div": lambda t, o, n: t / (1 + o.abs()),
    "floor": lambda t, o, n: torch.div(t, 0.5, rounding_mode="floor") + o,
    "add row": lambda t, o, n: t + o[:, :1],
    "residual": lambda t, o, n: t + F.relu(t),
    "cat([x, x])": lambda t, o, n: torch.cat([t, t], axis(t, n[0])),
    "cat": lambda t, o, n: torch.cat([t, constant(*t.shape), o], axis(t, n[0])),
    "stack": lambda t, o, n: torch.stack([t, o, t], 1 + n[0] % t.dim()),
    "flip": lambda t, o, n: t.flip(axis(t, n[0])),
    "roll": lambda t, o, n: t.roll(1 + n[0], axis(t, n[1])),
    "conv": lambda t, o, n: F.conv2d(t, weights(t), constant(3), padding=n[0] % 2),
    "max_pool": lambda t, o, n: F.max_pool2d(t, 2, 1 + n[0] % 2),
    "avg_pool": lambda t, o, n: F.avg_pool2d(t, 2, 1 + n[0] % 2),
    "adaptive": lambda t, o, n: F.adaptive_avg_pool2d(t, 2),
    "interpolate": lambda t, o, n: F.interpolate(t, size=(5, 4), mode="bilinear"),
    "nearest": lambda t, o, n: F.interpolate(t, scale_factor=2, mode="nearest-exact"),
    "pad": lambda t, o, n: F.pad(t, (1, 0), mode=("constant", "reflect", "replicate")[n[0] % 3]),
    "gate": lambda t, o, n: t * torch.sigmoid(o),
    "softmax": lambda t, o, n: t.softmax(axis(t, n[0])),
    "attend": lambda t, o, n: F.scaled_dot_product_attention(
        t.unsqueeze(1), t.unsqueeze(1), o.unsqueeze(1)
    ),
    "layer_norm": lambda t, o, n: F.layer_norm(t, t.shape[-1:], constant(t.shape[-1])),
    "group_norm": lambda t, o, n: F.group_norm(t, 1, constant(t.shape[1])),
    "batch_norm": lambda t, o, n: F.batch_norm(
        t, constant(t.shape[1]), constant(t.shape[1]).abs() + 0.5, constant(t.shape[1])
    ),
    "matmul": lambda t, o, n: t.unsqueeze(1) @ o.unsqueeze(1).transpose(-2, -1),
    "linear": lambda t, o, n: F.linear(t, constant(3, t.shape[-1]), constant(3)),
    "baddbmm": lambda t, o, n: torch.baddbmm(t, o, constant(*o.shape), beta=2, alpha=0.5),
    "einsum": lambda t, o, n: torch.einsum("nchw,ndhw->ncd", t, o),
    "where": lambda t, o, n: torch.where(t > 0, t, o),
    "maximum": lambda t, o, n: torch.maximum(t, o),
    "minimum": lambda t, o, n: torch.minimum(t, o),
    "mean": lambda t, o, n: t.mean(axis(t, n[0]), keepdim=n[1] > 0),
    "sum": lambda t, o, n: t.sum(axis(t, n[0]), keepdim=n[1] > 0),
    "amax": lambda t, o, n: t.amax(axis(t, n[0]), keepdim=n[1] > 0),
    "amin": lambda t, o, n: t.amin(axis(t, n[0]), keepdim=n[1] > 0),
    "max": lambda t, o, n: t.max(axis(t, n[0]), keepdim=n[1] > 0)[0],
    # of some strided tensors torch's own median reads memory that is not the tensor's
    "median": lambda t, o, n: t.contiguous().median(axis(t, n[0]), keepdim=n[1] > 0)[0],
    "sort": lambda t, o, n: t.sort(axis(t, n[0]))[0],
    "cumsum": lambda t, o, n: t.cumsum(axis(t, n[0])),
    "var": lambda t, o, n: t.var(axis(t, n[0]), correction=0, keepdim=n[1] > 0),
    "index": lambda t, o, n: t[:, rows(t, n)],
    "gather": lambda t, o, n: t.gather(1, o.argsort(1)),
    "clone": lambda t, o, n: t.clone(),
    "contiguous": lambda t, o, n: t.contiguous(),
    "fill a buffer": filled,
    "fill it row by row": gathered,
}

OPERATIONS = {**VIEWS, **STATEMENTS, **FUNCTIONS}
NAMES = st.one_of(*(st.sampled_from(sorted(t)) for t in (SEVERAL, VIEWS, STATEMENTS, FUNCTIONS)))


@dataclass(frozen=True)
class Line:
    """One line of a program: an operation on a tensor, with another one of the same shape."""

    name: str
    first: int
    second: int
    numbers: tuple[int, int, int]

    def run(self, known, *, apart=False):
        """Run on the tensors ``known`` so far; what is new is added to them."""
        t = known[self.first % len(known)]
        if self.name in STATEMENTS and any(
            s == 0 < n - 1 for s, n in zip(t.stride(), t.shape, strict=True)
        ):
            raise ValueError("changing an expanded tensor is deprecated")
        alike = [o for o in known if o.shape == t.shape]
        if self.name in SEVERAL:
            known += [*SEVERAL[self.name](t, self.numbers, apart)][:3]
            return
        made = OPERATIONS[self.name](t, alike[self.second % len(alike)], self.numbers)
        if self.name not in STATEMENTS:
            known.append(made)


class Program(nn.Module):
    """A convolution, the lines of a program, and everything they made side by side."""

    def __init__(self, lines):
        super().__init__()
        self.conv, self.top = nn.Conv2d(2, 4, 3, padding=1).double(), nn.Identity()
        self.conv.weight.data, self.conv.bias.data = constant(4, 2, 3, 3), constant(4)
        self.lines, self.apart = lines, False

    def forward(self, x):
        known = [x, self.conv(x)]
        untouched = known[1].clone()  # whatever is overwritten, the output depends on the input
        for line in self.lines:
            line.run(known, apart=self.apart)
        return self.top(torch.cat([tensor.flatten(1) for tensor in (*known, untouched)], 1))


def runnable(lines, image):
    """The lines that torch accepts, in shape and kind, and that leave the numbers moderate."""
    accepted = []
    for line in lines:
        try:
            with torch.no_grad():
                output = Program([*accepted, line])(image.clone())
        except REFUSED:
            continue
        if bool((output.abs() < 1e3).all()) and output.shape[1] < 3000:
            accepted.append(line)
    return accepted


def autograd(program, image, signal):
    """The gradient of ``signal * output``; ``None`` where autograd refuses the program.

    It refuses when a tensor that the backward pass needs was changed in place: give it copies.
    """
    leaf = image.clone().requires_grad_()
    program.apart = True
    try:
        with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda saved: saved):
            output = program(leaf.clone())
            return torch.autograd.grad(output, leaf, signal)[0]
    except RuntimeError:
        return None
    finally:
        program.apart = False


def is_close(projection, expected):
    """Equal to 1e-9 of the largest value."""
    scale = max(1.0, float(expected.abs().max()))
    return torch.allclose(projection / scale, expected / scale, rtol=1e-9, atol=1e-9)


def is_slope(projection, program, image, signal):
    """Whether central differences agree with us, for when autograd does not.

    Given copies of what was changed in place, it got one of about 20,000 programs wrong.
    """
    step = 1e-6 * constant(*image.shape)
    with torch.no_grad():
        change = program(image + step) - program(image - step)
    expected, found = (change * signal).sum() / 2, (projection * step).sum()
    return math.isclose(expected, found, rel_tol=1e-5, abs_tol=1e-11)


LINES = st.builds(
    Line,
    NAMES,
    st.integers(0, 7),
    st.integers(0, 3),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
)


def check(lines):
    """Forward, gradient, input and batching of one program; whether autograd could run it."""
    image = constant(2, 2, 6, 5) * 1.5
    program = Program(runnable(lines, image)).eval()
    with torch.no_grad():
        plain, conv = program(image.clone()), program.conv(image)
    signal = constant(*plain.shape)
    expected = autograd(program, image, signal)
    given_image = image.clone()
    recording = cdn.record(program, given_image, ("conv", "top"), relu="gradient")
    assert torch.equal(recording.output, plain)
    assert torch.equal(recording.activations["conv"], conv)
    assert torch.equal(given_image, image)
    if expected is not None:
        projection = recording.project_signal("top", signal)
        assert is_close(projection, expected) or is_slope(projection, program, image, signal)
    step = max(1, plain.shape[1] // 4)
    units = [cdn.Unit(n, "top", k) for n in (0, 1) for k in range(step // 2, plain.shape[1], step)]
    one_by_one = torch.cat([recording.project(unit, seed=1.0) for unit in units])
    together = recording.project(units, seed=1.0)
    assert is_close(together, one_by_one)
    return expected is not None


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="RANDOM_PROGRAMS" not in os.environ,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(lines=st.lists(LINES, min_size=1, max_size=10))
def test_a_random_program_is_recorded_as_autograd_follows_it(lines):
    """Output bit-identical, gradient equal, image untouched, many units as one at a time."""
    check(lines)


def stepwise(y):
    """1,500 changes of one buffer, one place after another."""
    buffer = y * 1
    for step in range(1500):
        buffer[:, step % 4, step % 6, step // 6 % 5] += y[:, 0, 0, 0] / 1500
    return buffer


def changed(view, change):
    """A program that changes a view of a tensor in place and reads the whole of it after."""

    def program(y):
        tensor = y * 1
        change(view(tensor), y)
        return tensor

    return program


def read_again(y):
    """A view of a view is read after its base was changed."""
    tensor = y * 1
    tensor[:, :1].mul_(2).expand(-1, 4, -1, -1).relu()
    return tensor + 0


def base_of_detached(y):
    tensor = y * 1
    constant_view = tensor.detach()[:, 1:]
    tensor.mul_(2)
    return tensor[:, 1:] * constant_view


def own_history(y):
    """A detached tensor that gets a history of its own."""
    detached = y.detach()
    detached[:, :1] = y[:, 1:2]
    return detached * 2


def histories_apart(y):
    """Of two tensors detached from one, only the first gets a history."""
    first, second = y.detach(), y.detach()
    first.mul_(y * 1)
    return first + second * y


def one_in_two_roles(y):
    flat = y[0].flatten()
    return torch.cat([y[:1] + torch.dot(flat, flat), y[1:]])


def spectrum(y):
    frequencies = torch.fft.rfft2(y)
    return (frequencies * frequencies.conj()).real + (frequencies * (1 + 2j)).imag


def filtered_spectrum(y):
    frequencies = torch.fft.rfft2(y) * torch.complex(constant(4, 1, 1), constant(4, 1, 1) + 1)
    return torch.fft.irfft2(frequencies / (2 - 1j), s=y.shape[-2:])


def own_weights(y):
    """Filters and biases of a convolution are made from the images."""
    return F.conv2d(y, y[:, :, :3, :3].clone(), y[0, 0, 0, :2])


def single_precision(y):
    filtered = F.conv2d(y.float(), weights(y).float())
    return filtered * constant(3, 1, 1) + y[:, :3, 1:-1, 1:-1]


FOUND = {
    "a tensor is detached, then used": lambda y: y.detach() * y,
    "by a statistic that is detached": lambda y: y / (y.detach().abs().amax(1, keepdim=True) + 1),
    "a detached numerator": lambda y: y.detach() / (y.abs() + 1),
    "a detached tensor gated": lambda y: y.detach() * torch.sigmoid(y),
    "the base of a detached view is changed": base_of_detached,
    "a detached tensor is written to": own_history,
    "two tensors are detached from one": histories_apart,
    "the numbers of .data are changed": changed(lambda t: t.data, lambda v, y: v.mul_(2)),
    "a number before a tensor": lambda y: 2**y,
    "a fill with an activation": changed(lambda t: t[:, 1], lambda v, y: v.fill_(y[0, 0, 0, 0])),
    "an index filled with an activation": lambda y: y.index_fill(
        1, torch.tensor([1]), y[0, 0, 0, 0]
    ),
    "a masked fill with an activation": lambda y: y.masked_fill(constant(5) > 0, y.flatten()[0]),
    "rounded down": lambda y: torch.div(y, constant(5), rounding_mode="floor") + y,
    "rounded to zero": lambda y: torch.div(y, constant(5), rounding_mode="trunc") + y,
    "by whole numbers": lambda y: y / torch.tensor(3),
    "a minimum over two dimensions": lambda y: y + y.amin((2, 3))[:, :, None, None],
    "the smaller of two": lambda y: torch.minimum(y, y.flip(1)),
    "a tensor less itself": lambda y: torch.rsub(y, y, alpha=3),
    "a view is expanded after a change": read_again,
    "overlapping windows are read": lambda y: changed(
        lambda t: t[:, :, :2], lambda v, y: v.mul_(2)
    )(y).unfold(2, 3, 1),
    "all overlapping windows are filled": changed(
        lambda t: t.unfold(2, 3, 1), lambda v, y: v.fill_(1.0)
    ),
    "an expanded tensor is padded": lambda y: F.pad(
        y.mean(1, keepdim=True).expand(y.shape), (1, 1)
    ),
    "1,500 changes in a row": stepwise,
    "a tensor times itself": one_in_two_roles,
    "interpolation by itself": lambda y: torch.lerp(y, y.flip(1), y),
    "only the bias": lambda y: torch.baddbmm(y[:, 0], constant(2, 6, 5), constant(2, 5, 5), beta=2),
    "bias and matrix": lambda y: torch.baddbmm(y[:, 0], y[:, 1], constant(2, 5, 5), alpha=0.5),
    "attention to itself": lambda y: F.scaled_dot_product_attention(y, y, y),
    "indices counted twice": lambda y: y.index_add(1, torch.tensor([0, 0]), y[:, 2:], alpha=2),
    "an index copied": lambda y: y.index_copy(1, torch.tensor([3, 0]), y[:, :2] * 2),
    "values scattered by a mask": lambda y: y.masked_scatter(constant(5) > 0, y.flip(1)),
    "nothing joined to something": lambda y: torch.cat([y.flatten()[:0], y.flatten()]).view(
        y.shape
    ),
    "dimensions removed in place": lambda y: (y * 1).unsqueeze_(1).squeeze_(1).add_(1) * y,
    "complex numbers": spectrum,
    "complex constants": filtered_spectrum,
    "real and complex": lambda y: (y + torch.complex(constant(5), constant(5) + 1)).abs(),
    "nearest neighbours": lambda y: F.interpolate(y, scale_factor=2, mode="nearest-exact"),
    "a running maximum": lambda y: y.cummax(1)[0],
    "slopes from the image": lambda y: F.prelu(y, y[0, :, 0, 0]),
    "filters from the image": own_weights,
    "a norm with weights from the image": lambda y: F.batch_norm(
        y, constant(4), constant(4) ** 2, y[0, :, 0, 0], y[0, :, 1, 1]
    ),
    "a logarithm of a sigmoid": F.logsigmoid,
}


class Found(nn.Module):
    """A convolution, then a program."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.function = nn.Conv2d(2, 4, 3, padding=1).double(), function
        self.conv.weight.data, self.conv.bias.data = constant(4, 2, 3, 3), constant(4)
        self.top = nn.Identity()

    def forward(self, x):
        return self.top(self.function(self.conv(x)))


def assert_as_autograd(function, *, tolerance=1e-9):
    net, image = Found(function), constant(2, 2, 6, 5)
    leaf = image.clone().requires_grad_()
    output = net(leaf)
    signal = constant(*output.shape).to(output.dtype)
    expected = torch.autograd.grad(output, leaf, signal)[0]
    recording = cdn.record(net, image, "top", relu="gradient")
    assert torch.equal(recording.output, output)
    projection = recording.project_signal("top", signal)
    assert_close(projection, expected, rtol=tolerance, atol=tolerance)
    units = [cdn.Unit(0, "top", channel) for channel in (0, 1)]
    apart = torch.cat([recording.project(unit, seed=1.0) for unit in units])
    assert_close(recording.project(units, seed=1.0), apart, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", FOUND)
def test_a_program_that_was_once_recorded_wrongly_is_as_autograd_has_it(name):
    """Output, gradient, and two units at once without a warning."""
    assert_as_autograd(FOUND[name])


@pytest.mark.parametrize("name", FOUND)
def test_the_deconvnet_goes_through_the_same_programs(name):
    """Whatever rule runs, it answers in the image's shape and type."""
    net, image = Found(FOUND[name]), constant(2, 2, 6, 5)
    recording = cdn.record(net, image, "top")
    projection = recording.project([cdn.Unit(0, "top", channel) for channel in (0, 1)], seed=1.0)
    assert projection.shape == image.shape
    assert projection.dtype == image.dtype
    assert not image.sub(constant(2, 2, 6, 5)).any()


def test_types_mixed_on_the_way_project_in_the_type_of_the_image():
    """Single precision inside a double net: as close as single precision is."""
    assert_as_autograd(single_precision, tolerance=1e-5)


def test_results_written_to_out_are_followed():
    """Autograd refuses ``out=``; the twin that returns its result is the answer."""

    def program(y):
        buffer, joined = y * 2, y.new_empty(0)
        torch.mul(y, 3, out=buffer)
        torch.cat([y, buffer], 1, out=joined)
        return joined * 1

    image = constant(2, 2, 6, 5)
    twin = cdn.record(Found(lambda y: torch.cat([y, y * 3], 1)), image, "top")
    recording = cdn.record(Found(program), image, "top")
    assert torch.equal(recording.output, twin.output)
    units = twin.strongest("top")
    assert_close(recording.project(units), twin.project(units))


@pytest.mark.parametrize("training", [F.rrelu, F.dropout])
def test_numbers_drawn_while_recording_are_the_ones_projected_through(training):
    """The slopes of a leaky ReLU in train mode, and the mask of a dropout."""

    def program(y):
        torch.manual_seed(3)
        return training(y, training=True)

    assert_as_autograd(program)


REFUSALS = {
    "through a view of another type": lambda y: changed(
        torch.view_as_real, lambda view, _: view[..., 0].mul_(3)
    )(torch.fft.rfft2(y)).abs(),
    "where windows overlap": changed(lambda t: t.unfold(2, 3, 1), lambda v, y: v.relu_()),
    "without returning it": lambda y: torch._foreach_mul_([y], 3.0) or y,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_change_that_cannot_be_followed_is_refused(name):
    """In one clear line, never followed wrongly."""
    with pytest.raises(UnsupportedOperationError, match="cannot be followed"):
        cdn.record(Found(REFUSALS[name]), constant(2, 2, 6, 5), "top")
