"""Graphs: residual sums, concatenations, shared activations, aliases and in-place changes."""

from __future__ import annotations

import itertools

import pytest
import reference
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}
SPELLINGS = ["module", "module in place", "function"]


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def identity_conv(channels, scale=1.0):
    conv = nn.Conv2d(channels, channels, 1, bias=False).double()
    conv.weight.data = scale * torch.eye(channels).double()[..., None, None]
    return conv


class Body(nn.Module):
    """An identity convolution, then any function of one tensor."""

    def __init__(self, function, channels=2, top=None):
        super().__init__()
        self.conv, self.function = identity_conv(channels), function
        self.top = top or nn.Identity()

    def forward(self, x):
        return self.top(self.function(self.conv(x)))


def weights(values):
    conv = nn.Conv2d(len(values), 1, 1, bias=False).double()
    conv.weight.data = double(values).view(1, -1, 1, 1)
    return conv


def test_a_residual_sum_hands_the_signal_to_both_branches(project):
    """y = x + relu(x), seed (1, -1): (1 + 1, -1 + 0), whatever the sign of x."""
    net = Body(lambda x: x + F.relu(x), top=weights([1.0, -1.0]))
    image = double([-1.0, 2.0]).view(1, 2, 1, 1)
    assert_close(project(net, image, "top").flatten(), double([2.0, -1.0]), **EXACT)


@pytest.mark.parametrize("relu", [nn.ReLU(), nn.ReLU(inplace=True), F.relu], ids=SPELLINGS)
def test_a_skip_that_reads_the_input_of_a_relu_is_not_dropped(project, relu):
    """y = h + relu(h), target 0: 2, where Captum's hooks give 1."""

    def block(h):
        return h + relu(h.clone() if getattr(relu, "inplace", False) else h)

    projection = project(Body(block), double([3.0, 1.0]).view(1, 2, 1, 1), "top", 0)
    assert_close(projection.flatten(), double([2.0, 0.0]), **EXACT)


def test_a_residual_block_with_a_dead_branch_is_the_identity(project):
    """And the ReLU after the sum rectifies before the signal splits."""
    branch = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 1)).double()
    for parameter in branch[2].parameters():
        parameter.data.zero_()
    net = nn.Sequential(identity_conv(2), reference.Skip(*branch), nn.ReLU())
    image = double_image(1, 2, 4, 4)
    for seed in (1.0, -1.0):
        projection = project(net, image, "2", 1, 2, 3, seed=seed)
        expected = reference.one_hot(image, 1, 2, 3, value=max(seed, 0.0))
        assert_close(projection, expected, **EXACT)


class Parallel(nn.Module):
    """3 * relu(a) + 5 * relu(b), a and b identities of two channels, one shared ReLU module."""

    def __init__(self, relu):
        super().__init__()
        self.a, self.b = identity_conv(2), identity_conv(2)
        self.relu, self.top = relu, nn.Identity()

    def forward(self, x):
        return self.top(3 * self.relu(self.a(x)) + 5 * self.relu(self.b(x)))


@pytest.mark.parametrize("relu", [nn.ReLU(), nn.ReLU(inplace=True), F.relu], ids=SPELLINGS)
def test_one_relu_shared_by_two_branches_rectifies_each(project, relu):
    """Identity weights, target 0: (8, 0)."""
    image = double([-1.0, 2.0]).view(1, 2, 1, 1)
    projection = project(Parallel(relu), image, "top", 0)
    assert_close(projection.flatten(), double([8.0, 0.0]), **EXACT)


def test_one_relu_used_along_a_chain_rectifies_each_time(project):
    """The same module between every two layers."""
    relu = nn.ReLU(inplace=True)
    convs = [nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 3)]
    shared = nn.Sequential(convs[0], relu, convs[1], relu, convs[2]).double()
    apart = nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), convs[2])
    image = double_image(2, 2, 9, 9)
    expected = reference.project(apart, image, reference.one_hot(apart(image), 1, 1, 2)).detach()
    assert_close(project(shared, image, "4", 1, 1, 2), expected, **EXACT)


def test_a_weight_shared_by_two_layers_filters_in_both(project):
    """A convolution used twice in a row."""
    conv = nn.Conv2d(2, 2, 3, padding=1).double()
    net = nn.Sequential(conv, nn.ReLU(), conv, nn.ReLU())
    image = double_image(1, 2, 5, 5)
    expected = reference.project(net, image, reference.one_hot(net(image), 0, 2, 2)).detach()
    assert_close(project(net, image, "3", 0, 2, 2), expected, **EXACT)


def test_a_seed_in_one_block_of_a_concatenation_reaches_that_branch_only(project):
    """Channels 2..4 come from the second branch."""

    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 2, 3).double(), nn.Conv2d(1, 3, 3).double()
            self.top = nn.Identity()

        def forward(self, x):
            return self.top(torch.cat([self.first(x[:, :1]), self.second(x[:, 1:])], dim=1))

    projection = project(Branches(), double_image(1, 2, 5, 5), "top", 3, 1, 1)
    assert projection[0, 1].any()
    assert not projection[0, 0].any()


def test_a_forked_net_equals_the_literal_one(project):
    """An Inception-like block within a residual block, every map of two images."""
    fork = reference.Fork(
        [
            nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(4, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 1, 1)),
            nn.Sequential(nn.MaxPool2d(3, 1, padding=1), nn.Conv2d(4, 1, 1), nn.ReLU()),
        ]
    )
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), reference.Skip(fork), nn.ReLU()).double()
    images = double_image(2, 3, 6, 6)
    output = net(images)
    recording = cdn.record(net, images, "3")
    for channel, place in itertools.product(range(4), [(0, 0), (1, 3), (3, 2)]):
        index = (channel, *place)
        expected = reference.project(net, images, reference.one_hot(output, *index)).detach()
        units = [cdn.Unit(n, "3", *index) for n in range(2)]
        assert_close(recording.project(units, seed=1.0), expected, **EXACT)


def chunk_then_rectify(y):
    a, b = y.chunk(2, dim=1)
    F.relu_(a)
    return y + torch.cat([b, a], dim=1)


def chunk_then_rectify_pure(y):
    a, b = y.chunk(2, dim=1)
    a = F.relu(a)
    return torch.cat([a, b], dim=1) + torch.cat([b, a], dim=1)


def rectify_a_strided_view(y):
    y[:, ::2].relu_()
    return y


def rectify_a_strided_view_pure(y):
    return torch.stack([c if i % 2 else F.relu(c) for i, c in enumerate(y.unbind(1))], dim=1)


def rectify_a_reshaped_view(y):
    y.view(y.shape[0], -1).relu_()
    return y


def add_in_place(y):
    x = 2 * y
    x += y.flip(1)
    return F.relu(x)


def add_in_place_pure(y):
    return F.relu(2 * y + y.flip(1))


def assign_a_slice(y):
    x = y.clone()
    x[:, :2] = F.relu(y[:, 2:])
    return x


def assign_a_slice_pure(y):
    return torch.cat([F.relu(y[:, 2:]), y[:, 2:]], dim=1)


def fill_a_new_tensor(y):
    x = y.new_zeros(y.shape)
    x[:, 1] = F.relu(y[:, 3])
    x[:, 2:].add_(y[:, :2])
    return x


def fill_a_new_tensor_pure(y):
    zero = torch.zeros_like(y[:, :1])
    return torch.cat([zero, F.relu(y[:, 3:]), y[:, :2]], dim=1)


def read_after_an_in_place_relu(y):
    return F.relu_(y) + y


def read_after_an_in_place_relu_pure(y):
    return 2 * F.relu(y)


def write_through_a_view_of_a_view(y):
    y[:, 1:].transpose(2, 3)[:, 0].mul_(-2.0)
    return F.relu(y)


def write_through_a_view_of_a_view_pure(y):
    return F.relu(torch.cat([y[:, :1], -2.0 * y[:, 1:2], y[:, 2:]], dim=1))


def copy_into_place(y):
    x = y * 3
    x[:, 1].copy_(y[:, 0])
    return F.relu(x)


def copy_into_place_pure(y):
    return F.relu(torch.cat([3 * y[:, :1], y[:, :1], 3 * y[:, 2:]], dim=1))


def scale_in_place(y):
    return F.relu(y.mul_(2).sub_(1).neg_())


def scale_in_place_pure(y):
    return F.relu(1 - 2 * y)


def masked_zero(y):
    return F.relu(y).masked_fill_(torch.arange(4).view(1, 4, 1, 1) == 2, 0.0)


def masked_zero_pure(y):
    return F.relu(y) * double([1.0, 1.0, 0.0, 1.0]).view(1, 4, 1, 1)


ALIASES = {
    "a chunk is rectified, its base read later": (chunk_then_rectify, chunk_then_rectify_pure),
    "a strided view is rectified": (rectify_a_strided_view, rectify_a_strided_view_pure),
    "a reshaped view is rectified": (rectify_a_reshaped_view, F.relu),
    "x += y": (add_in_place, add_in_place_pure),
    "x[:, :2] = y": (assign_a_slice, assign_a_slice_pure),
    "a new tensor is filled": (fill_a_new_tensor, fill_a_new_tensor_pure),
    "a rectified tensor is read again": (
        read_after_an_in_place_relu,
        read_after_an_in_place_relu_pure,
    ),
    "a view of a view is written": (
        write_through_a_view_of_a_view,
        write_through_a_view_of_a_view_pure,
    ),
    "a slice is copied into": (copy_into_place, copy_into_place_pure),
    "arithmetic in place": (scale_in_place, scale_in_place_pure),
    "a mask": (masked_zero, masked_zero_pure),
}


class Aliased(nn.Module):
    """conv, a function that may change its argument in place, conv."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(11)
        self.conv, self.function = nn.Conv2d(2, 4, 3, padding=1), function
        self.top = nn.Conv2d(4, 3, 3)
        self.double()

    def forward(self, x):
        return self.top(self.function(self.conv(x)))


@pytest.mark.parametrize("name", ALIASES)
def test_in_place_and_pure_spellings_project_alike(project, name):
    """The pure twin is answered by surgery and autograd; the in-place one by the engine."""
    in_place, pure = ALIASES[name]
    image = double_image(2, 2, 6, 6)
    with torch.no_grad():
        assert_close(Aliased(in_place)(image), Aliased(pure)(image), **EXACT)  # twins indeed
    for channel in range(3):
        expected = reference.project_by_surgery(Aliased(pure), image, (channel, 1, 2))
        projection = project(Aliased(in_place), image, "top", channel, 1, 2)
        assert_close(projection, expected, **EXACT)


@pytest.mark.parametrize("name", ALIASES)
def test_in_place_changes_leave_the_forward_output_alone(name):
    """Bit-identical, the layers below included."""
    net, image = Aliased(ALIASES[name][0]), double_image(2, 2, 6, 6)
    with torch.no_grad():
        plain, below = net(image), net.conv(image)
    recording = cdn.record(net, image, ("conv", "top"))
    assert torch.equal(recording.output, plain)
    assert torch.equal(recording.activations["conv"], below)


def test_a_layer_that_a_relu_changes_in_place_keeps_its_own_activation(project):
    """The captured convolution is the one before the ReLU: signed, and its seed not rectified."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(inplace=True), nn.Conv2d(3, 2, 1)).double()
    image = double_image(1, 2, 5, 5)
    recording = cdn.record(net, image, ("0", "1"))
    with torch.no_grad():
        below = net[0](image)
    assert (below < 0).any()
    assert torch.equal(recording.activations["0"], below)
    assert torch.equal(recording.activations["1"], below.relu())
    seed = reference.one_hot(below, 1, 2, 0, value=-1.0)
    expected = reference.project([net[0]], image, seed).detach()
    assert_close(project(net, image, "0", 1, 2, 0, seed=-1.0), expected, **EXACT)
    assert not project(net, image, "1", 1, 2, 0, seed=-1.0).any()


def test_control_flow_that_looks_at_values_is_followed(project):
    """Any Python control flow: the branch the image took is the branch that is projected."""

    class Choosing(nn.Module):
        def __init__(self):
            super().__init__()
            self.small, self.large = nn.Conv2d(1, 1, 3).double(), nn.Conv2d(1, 1, 3).double()
            self.top = nn.Identity()

        def forward(self, x):
            chosen = self.large if x.abs().max() > 10 else self.small
            for _ in range(2):
                x = F.relu(chosen(x))
            return self.top(x)

    net = Choosing()
    for scale, conv in ((1.0, net.small), (100.0, net.large)):
        image = scale * torch.ones(1, 1, 7, 7, dtype=torch.float64)
        chain = [conv, nn.ReLU(), conv, nn.ReLU()]
        seed = reference.one_hot(net(image), 0, 1, 1)
        expected = reference.project(chain, image, seed).detach()
        assert_close(project(net, image, "top", 0, 1, 1), expected, **EXACT)


def test_of_a_layer_that_runs_twice_the_last_run_is_captured():
    """As a forward hook would keep it, and so as Captum's neuron classes see it."""
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(1, 2, 3), relu, nn.Conv2d(2, 2, 3), relu).double()
    image = double_image(1, 1, 7, 7)
    recording = cdn.record(net, image, "1")
    assert torch.equal(recording.activations["1"], net(image).detach())


UNCHANGED = {
    "times one": lambda r: r * 1.0,
    "one times": lambda r: 1 * r,
    "over one": lambda r: r / 1.0,
    "plus zero": lambda r: r + 0,
    "minus zero": lambda r: r - 0.0,
    "times ones": lambda r: r * torch.ones(2, 1, 1).double(),
    "times one twice": lambda r: (r * 1.0) * 1.0,
}


@pytest.mark.parametrize("activation", [F.relu, F.leaky_relu, F.relu6, F.selu, torch.tanh])
@pytest.mark.parametrize("form", UNCHANGED)
def test_a_shared_activation_that_one_branch_leaves_unchanged_gets_the_sum(
    project, form, activation
):
    """The signals of its branches meet before it rectifies them: a random find."""
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 2, 3, padding=1).double()

    def block(unchanged):
        def function(h):
            r = activation(h)
            return unchanged(r) + conv(r)

        return function

    image = double_image(1, 2, 4, 4)
    found, expected = (
        project(Body(block(unchanged), top=weights([1.0, -1.5])), image, "top", 0)
        for unchanged in (UNCHANGED[form], lambda r: r)
    )
    assert_close(found, expected, **EXACT)
