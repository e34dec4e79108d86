"""Unpooling: every value is added at the switch its pool recorded."""

from __future__ import annotations

import itertools

import pytest
import reference
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.engine.rules.pools import Window

EXACT = {"rtol": 1e-10, "atol": 1e-10}


class Pooled(nn.Module):
    """A 1x1 identity convolution, so the picture itself is pooled, then any pool."""

    def __init__(self, pool, channels=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1).double()
        self.conv.weight.data = torch.eye(channels).double().view(channels, channels, 1, 1)
        self.conv.bias.data.zero_()
        self.pool = pool
        self.after = nn.Identity()

    def forward(self, x):
        return self.after(self.pool(self.conv(x)))


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def gradient_of(net, image, index):
    image = image.clone().requires_grad_()
    picked = net(image)[(slice(None), *index)].sum()
    return torch.autograd.grad(picked, image)[0]


def single_peak():
    image = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    image[0, 0, 2, 2] = 1.0
    return image


def test_four_windows_that_share_a_switch_add_up_there():
    """A 5x5 map with one peak, pooled 3x3/2: the seeds 1, 2, 3, 4 all arrive at the centre."""
    weigh = nn.Conv2d(1, 1, 2, bias=False).double()
    weigh.weight.data = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], dtype=torch.float64)
    net = nn.Sequential(nn.MaxPool2d(3, 2), weigh)
    recording = cdn.record(net, single_peak(), "1")
    projection = recording.project([cdn.Unit(0, "1", 0)], seed=1.0)
    assert_close(projection, 10 * single_peak(), **EXACT)


@pytest.mark.parametrize("window", list(itertools.product(range(2), range(2))))
def test_no_neighbour_overwrites_a_one_hot_seed(project, window):
    """The seed of any of the four windows arrives whole (MaxUnpool would lose three)."""
    projection = project(Pooled(nn.MaxPool2d(3, 2)), single_peak(), "after", 0, *window)
    assert_close(projection, single_peak(), **EXACT)


def test_of_equal_maxima_the_first_in_reading_order_is_the_switch(project):
    """A constant map sends each seed to the first place of its window."""
    image = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    net = Pooled(nn.MaxPool2d(3, 2, padding=1))
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]  # flat 0, 1, 4, 5
    for window, place in zip(itertools.product(range(2), range(2)), places, strict=True):
        projection = project(net, image, "after", 0, *window)
        assert_close(projection, reference.one_hot(image, 0, *place), **EXACT)
        assert_close(projection, gradient_of(net, image, (0, *window)), **EXACT)


def test_padding_is_never_the_switch(project_all):
    """With every value negative, the seed still lands inside the map."""
    image = -1 - torch.rand(1, 1, 4, 4, dtype=torch.float64)
    net = Pooled(nn.MaxPool2d(3, 2, padding=1))
    projections = project_all(net, image, "after")
    assert_close(projections.sum(dim=1), torch.ones(4, dtype=torch.float64), **EXACT)


POOLS = {
    "non-overlapping": dict(kernel_size=2),
    "overlapping": dict(kernel_size=3, stride=2),
    "overlapping, ceil": dict(kernel_size=3, stride=2, ceil_mode=True),
    "dense": dict(kernel_size=3, stride=1),
    "padded": dict(kernel_size=3, stride=2, padding=1),
    "padded, ceil": dict(kernel_size=4, stride=3, padding=2, ceil_mode=True),
    "dilated": dict(kernel_size=2, stride=2, dilation=3),
    "dilated, padded, ceil": dict(kernel_size=3, stride=2, padding=1, dilation=2, ceil_mode=True),
    "non-square": dict(kernel_size=(2, 3), stride=(3, 1), padding=(0, 1)),
    "with gaps": dict(kernel_size=2, stride=3),
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("size", [(13, 13), (8, 11)])
def test_every_pool_geometry_returns_to_the_recorded_shape(project_all, name, size):
    """Every position, against the literal switches and against autograd."""
    pool = nn.MaxPool2d(**POOLS[name])
    net, image = Pooled(pool, channels=2), double_image(1, 2, *size)
    projections = project_all(net, image, "after")
    output = net(image)
    seeds = torch.eye(output.numel(), dtype=torch.float64).view(-1, *output.shape[1:])
    literal = reference.project([pool], image.expand(len(seeds), -1, -1, -1), seeds)
    assert_close(projections, literal.flatten(1), **EXACT)
    position = (1, output.shape[2] - 1, output.shape[3] - 1)
    assert_close(projections[-1].view_as(image[0]), gradient_of(net, image, position)[0], **EXACT)


FUNCTIONS = {
    "functional": lambda x: F.max_pool2d(x, 3, 2),
    "torch.max_pool2d": lambda x: torch.max_pool2d(x, 3, 2),
    "with indices": lambda x: F.max_pool2d(x, 3, 2, return_indices=True)[0],
    "adaptive": nn.AdaptiveMaxPool2d((3, 2)),
    "functional adaptive": lambda x: F.adaptive_max_pool2d(x, 2),
    "global by adaptive": lambda x: F.adaptive_max_pool2d(x, 1),
    "global by max over positions": lambda x: x.flatten(2).max(dim=2).values[..., None, None],
    "maxout over channels": lambda x: x.max(dim=1, keepdim=True)[0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_spelling_of_max_pooling_keeps_switches(project_all, name):
    """Functional, adaptive and global max pools; without ties the gradient is the answer."""
    net, image = Pooled(FUNCTIONS[name], channels=2), double_image(1, 2, 7, 8)
    projections = project_all(net, image, "after", strict=True)
    output = net(image)[0]
    gradients = [
        gradient_of(net, image, index).flatten()
        for index in itertools.product(*(range(size) for size in output.shape))
    ]
    assert_close(projections, torch.stack(gradients), **EXACT)


def two_layer_net():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
    return net.double()


def test_two_composed_layers_equal_explicit_scatter_clamp_and_transposed_filters():
    """Unpool, rectify, filter, twice, by hand, at every position of the upper pool."""
    net, image = two_layer_net(), double_image(1, 3, 12, 12)
    net.requires_grad_(False)
    first, second = net[0](image), net[3](net[:3](image))
    _, lower = F.max_pool2d(first.relu(), 2, return_indices=True)
    top, upper = F.max_pool2d(second.relu(), 2, return_indices=True)

    def unpool(signal, indices, shape):
        flat = torch.zeros(*shape[:2], shape[2] * shape[3], dtype=torch.float64)
        flat.scatter_add_(2, indices.flatten(2), signal.flatten(2))
        return flat.view(shape)

    recording = cdn.record(net, image, "5")
    for channel, row, column in itertools.product(*(range(size) for size in top.shape[1:])):
        signal = reference.one_hot(
            top, channel, row, column, value=top[0, channel, row, column].item()
        )
        signal = unpool(signal, upper, second.shape).clamp(min=0)
        signal = F.conv_transpose2d(signal, net[3].weight)
        signal = unpool(signal, lower, first.shape).clamp(min=0)
        expected = F.conv_transpose2d(signal, net[0].weight, padding=1)
        value = recording.activations["5"][0, channel, row, column].item()
        unit = cdn.Unit(0, "5", channel, row, column, value)
        assert_close(recording.project([unit]), expected, **EXACT)


def test_the_strongest_units_are_the_maxima_of_every_map_of_every_image():
    """Image-major order, with the values Zeiler and Fergus seed with."""
    net, images = two_layer_net(), double_image(2, 3, 12, 12)
    recording = cdn.record(net, images, "5")
    activations = net(images).detach()
    strongest = recording.strongest("5")
    assert [(unit.image, unit.channel) for unit in strongest] == [
        (n, c) for n in range(2) for c in range(5)
    ]
    for unit in strongest:
        plane = activations[unit.image, unit.channel]
        assert unit.value == float(plane.max())
        assert float(plane[unit.row, unit.column]) == unit.value
    projections = recording.project(strongest)
    for unit, projection in zip(strongest, projections, strict=True):
        image = images[unit.image : unit.image + 1]
        index = (unit.channel, unit.row, unit.column)
        seed = reference.one_hot(net(image), *index, value=unit.value)
        assert_close(projection, reference.project(net, image, seed)[0], **EXACT)


def test_nothing_outside_the_windows_that_set_the_switches_matters(project):
    """Other pixels, other activations of the layer, change nothing for a unit seed."""
    net, image = two_layer_net(), double_image(1, 3, 16, 16)
    before = project(net, image, "5", 2, 1, 1)
    seen = cdn.receptive_field(net, "5", (3, 16, 16)).box(1, 1)
    changed = double_image(1, 3, 16, 16)
    inside = (..., slice(seen.top, seen.bottom), slice(seen.left, seen.right))
    changed[inside] = image[inside]
    assert (changed != image).any()
    assert_close(project(net, changed, "5", 2, 1, 1), before, **EXACT)


def test_the_same_image_sets_the_same_switches(project_all):
    net, image = two_layer_net(), double_image(1, 3, 12, 12)
    assert torch.equal(project_all(net, image, "5"), project_all(net, image, "5"))


def test_another_image_recorded_later_leaves_a_recording_alone():
    """Stale switches cannot happen."""
    net, units = two_layer_net(), [cdn.Unit(0, "5", 1, 1, 0)]
    first, second = double_image(1, 3, 12, 12), double_image(1, 3, 12, 12)
    recording = cdn.record(net, first, "5")
    before = recording.project(units, seed=1.0)
    other = cdn.record(net, second, "5").project(units, seed=1.0)
    with torch.no_grad():
        net(second)
    assert torch.equal(recording.project(units, seed=1.0), before)
    assert not torch.equal(other, before)


def test_changing_the_image_in_place_later_leaves_a_recording_alone():
    """A recording owns what it needs; it does not look at the caller's tensor again."""
    net, units = two_layer_net(), [cdn.Unit(0, "5", 1, 1, 0)]
    image = double_image(1, 3, 12, 12)
    recording = cdn.record(net, image, "5")
    before = recording.project(units, seed=1.0)
    image.zero_()
    assert torch.equal(recording.project(units, seed=1.0), before)


def test_a_net_without_switches_unpools_to_the_window_centre(project):
    """pool_switches=False of Mahendran & Vedaldi."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3)).double()
    image = double_image(1, 2, 9, 9)
    family = cdn.Family(relu_mask=False, pool_switches=False, relu_backward=True)
    seed = reference.one_hot(net(image), 1, 2, 0)
    literal = reference.project(net, image, seed, reference.Family(pool_switches=False))
    assert_close(project(net, image, "2", 1, 2, 0, relu=family), literal.detach(), **EXACT)


def test_a_window_whose_centre_lies_outside_unpools_to_the_place_next_to_it(project):
    """The corners of a padded 2x2 window, 5x5 pixels: to the corner pixels themselves."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2, 2, 1)).double()
    net[0].weight.data.fill_(1.0)
    family = cdn.Family(relu_mask=False, pool_switches=False, relu_backward=True)
    projection = project(net, double_image(1, 1, 5, 5), "1", 0, 0, 0, relu=family)
    assert projection.nonzero().tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 4), (3, 9), (9, 3), (1, 7)])
@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (13, 13), (2, 9), (7, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_switches_are_torch_s_whatever_the_window_is_to_the_map(size, kernel, dilation):
    padding = [count // 2 for count in kernel]
    image = double_image(2, 3, *size)
    geometry = (kernel, (1, 1), padding, (dilation, dilation))
    try:
        pooled, indices = torch.ops.aten.max_pool2d_with_indices(image, *geometry)
    except RuntimeError:
        return  # no window fits
    window = Window(size, kernel, (1, 1), tuple(padding), (dilation, dilation))
    inside = pooled.isfinite()
    assert inside.any()
    assert torch.equal(window.decode(window.encode(indices))[inside], indices[inside])
    sees = window.sees(indices.shape)
    assert torch.equal(inside if sees is None else sees.expand_as(inside), inside)


def test_an_unpool_by_recorded_indices_is_its_adjoint(project_all):
    """A decoder's own MaxUnpool is linear once its indices are given: the adjoint gathers."""

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1, bias=False).double()
            self.after = nn.Identity()

        def forward(self, x):
            pooled, indices = F.max_pool2d(self.conv(x), 2, return_indices=True)
            return self.after(F.max_unpool2d(pooled, indices, 2))

    net, image = Decoder(), double_image(1, 1, 4, 4)
    kept = (net(image) != 0).flatten().double().detach()
    expected = torch.diag(kept) * net.conv.weight.detach().squeeze()
    assert_close(project_all(net, image, "after"), expected, **EXACT)
