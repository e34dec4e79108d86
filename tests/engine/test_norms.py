"""Norms: a batch norm is its exact scale; what other norms measured is recorded and held fixed."""

from __future__ import annotations

import pytest
import reference
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def randomise(norm):
    """Statistics and affine parameters as after training; some gammas are negative."""
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    norm.weight.data = torch.linspace(-1.5, 2.0, norm.num_features, dtype=torch.float64)
    norm.bias.data.normal_()
    return norm.eval()


def fold(conv, norm):
    """The convolution that does what ``conv`` and then ``norm`` do."""
    scale = norm.weight.data / (norm.running_var + norm.eps).sqrt()
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size).double()
    folded.weight.data = conv.weight.data * scale.view(-1, 1, 1, 1)
    folded.bias.data = (conv.bias.data - norm.running_mean) * scale + norm.bias.data
    return folded


def test_a_batch_norm_projects_as_if_folded_into_its_convolution(project):
    """Negative gammas too; the sign is left for the ReLU to see."""
    conv, norm = nn.Conv2d(2, 6, 3).double(), randomise(nn.BatchNorm2d(6).double())
    top = [nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 2, 2).double()]
    image = double_image(2, 2, 9, 9)
    apart = project(nn.Sequential(conv, norm, *top), image, "4", 1, 1, 0)
    folded = project(nn.Sequential(fold(conv, norm), *top), image, "3", 1, 1, 0)
    assert apart.any()
    assert_close(apart, folded, **EXACT)


def test_a_batch_norm_is_not_rectified_by_itself(project):
    """A unit after the norm, before the ReLU, has the sign of gamma."""
    conv, norm = nn.Conv2d(2, 6, 3).double(), randomise(nn.BatchNorm2d(6).double())
    image = double_image(1, 2, 5, 5)
    scale = (norm.weight[0] / (norm.running_var[0] + norm.eps).sqrt()).item()
    assert scale < 0
    net = nn.Sequential(conv, norm)
    below, above = project(net, image, "0", 0, 1, 1), project(net, image, "1", 0, 1, 1)
    assert_close(above, scale * below, **EXACT)


class Normed(nn.Module):
    def __init__(self, norm, channels=4):
        super().__init__()
        self.conv = nn.Conv2d(2, channels, 3).double()
        self.norm, self.after = norm, nn.Conv2d(channels, 3, 2).double()

    def forward(self, x):
        return self.after(self.norm(self.conv(x)))


def functional_batch_norm(x):
    mean, deviation = torch.arange(4.0).double(), torch.arange(1.0, 5.0).double()
    return F.batch_norm(x, mean, deviation, weight=deviation, eps=0.0)


BATCH_NORMS = {
    "without affine parameters": nn.BatchNorm2d(4, affine=False).double().eval(),
    "functional": functional_batch_norm,
    "lazily spelled": lambda x: (x - 3.0) / (0.5 + 1e-5) ** 0.5,
}


@pytest.mark.parametrize("name", BATCH_NORMS)
def test_every_spelling_of_batch_norm_is_linear(project_all, name):
    """Every projection is a row of the net's matrix."""
    net = Normed(BATCH_NORMS[name])
    matrix = reference.matrix(net, (2, 5, 6))
    assert_close(project_all(net, double_image(1, 2, 5, 6), "after", strict=True), matrix, **EXACT)


class FrozenStatistics(nn.Module):
    """A norm whose mean and deviation were taken from one image: the literal rule."""

    def __init__(self, x, dims, weight=None, eps=1e-5):
        super().__init__()
        self.mean = x.mean(dims, keepdim=True)
        self.deviation = (x.var(dims, keepdim=True, unbiased=False) + eps).sqrt()
        self.weight = weight

    def forward(self, x):
        normed = (x - self.mean) / self.deviation
        return normed if self.weight is None else normed * self.weight


def gammas(*shape):
    return torch.linspace(-1, 2, 4, dtype=torch.float64).view(shape)


def with_gammas(norm):
    norm.weight.data = gammas(4)
    return norm.double().eval()


class ChannelsLast(nn.Module):
    """ConvNeXt's way: a layer norm over the channels of a permuted map."""

    def __init__(self):
        super().__init__()
        self.norm = with_gammas(nn.LayerNorm(4))

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class InGroups(nn.Module):
    """Frozen statistics of two groups of two channels."""

    def __init__(self, x):
        super().__init__()
        self.frozen = FrozenStatistics(x.unflatten(1, (2, 2)), (2, 3, 4))

    def forward(self, x):
        return self.frozen(x.unflatten(1, (2, 2))).flatten(1, 2) * gammas(1, 4, 1, 1)


NORMS = {
    "layer norm over a whole map": (
        nn.LayerNorm((4, 3, 4), elementwise_affine=False),
        lambda x: FrozenStatistics(x, (1, 2, 3)),
    ),
    "functional layer norm": (
        lambda x: F.layer_norm(x, (3, 4)),
        lambda x: FrozenStatistics(x, (2, 3)),
    ),
    "channels-last layer norm": (
        ChannelsLast(),
        lambda x: FrozenStatistics(x, (1,), gammas(1, 4, 1, 1)),
    ),
    "group norm": (with_gammas(nn.GroupNorm(2, 4)), InGroups),
    "functional group norm": (
        lambda x: F.group_norm(x, 4),
        lambda x: FrozenStatistics(x, (2, 3)),
    ),
    "instance norm": (
        with_gammas(nn.InstanceNorm2d(4, affine=True)),
        lambda x: FrozenStatistics(x, (2, 3), gammas(1, 4, 1, 1)),
    ),
    "functional instance norm": (F.instance_norm, lambda x: FrozenStatistics(x, (2, 3))),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_keeps_the_statistics_of_the_image(project_all, name):
    """Mean and deviation recorded, a per-element gain is all that is left."""
    norm, freeze = NORMS[name]
    net, image = Normed(norm), double_image(1, 2, 5, 6)
    projections = project_all(net, image, "after", strict=True)
    frozen = freeze(net.conv(image))
    net.norm = frozen
    assert_close(projections, reference.matrix(net, (2, 5, 6)), **EXACT)


def test_a_root_mean_square_norm_keeps_the_scale_of_the_image(project_all):
    """The RMS norm of newer hybrids."""
    norm = nn.RMSNorm((4, 3, 4), eps=1e-6).double()
    net, image = Normed(norm), double_image(1, 2, 5, 6)
    projections = project_all(net, image, "after", strict=True)
    scale = (net.conv(image).square().mean().detach() + 1e-6).sqrt()
    frozen = reference.matrix(lambda x: net.after(net.conv(x) / scale), (2, 5, 6))
    assert_close(projections, frozen, **EXACT)


def test_a_divisor_made_of_activations_is_a_recorded_statistic(project_all):
    """A response norm spelled by hand divides by what it measured."""
    net, image = Normed(nn.Identity()), double_image(1, 2, 5, 6)

    def divided(x, measured):
        return net.after(x / (1 + measured.square().sum(1, keepdim=True)) ** 0.75)

    class ByHand(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.top = net.conv, nn.Identity()

        def forward(self, x):
            x = self.body(x)
            return self.top(divided(x, x))

    projections = project_all(ByHand(), image, "top", strict=True)
    measured = net.conv(image)
    frozen = reference.matrix(lambda x: divided(net.conv(x), measured), (2, 5, 6))
    assert_close(projections, frozen, **EXACT)


def test_a_norm_does_not_widen_what_a_unit_sees(project):
    """With the centring term the projection would cover the whole picture."""
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 1, 3)).double()
    projection = project(net, double_image(1, 2, 12, 12), "2", 0, 0, 0)
    assert projection[..., :5, :5].any()
    assert not projection[..., 5:, :].any()
    assert not projection[..., :, 5:].any()


def response_normed(norm):
    torch.manual_seed(7)
    convs = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 3, 3)
    layers = [convs[0], nn.ReLU(), norm, nn.MaxPool2d(2), convs[1], nn.ReLU()]
    return nn.Sequential(*layers).double()


class FunctionalResponseNorm(nn.Module):
    def forward(self, x):
        return F.local_response_norm(x, 5, alpha=2.0, beta=0.75, k=1.0)


RESPONSE_NORMS = {
    "module": nn.LocalResponseNorm(5, alpha=2.0, beta=0.75, k=1.0),
    "functional": FunctionalResponseNorm(),
}


@pytest.mark.parametrize("name", ["module", "functional"])
def test_response_norm_is_the_identity_but_its_switches_are_real(project, name):
    """The net without the norm, with switches from the forward pass that had it."""
    norm = RESPONSE_NORMS[name]
    net, image = response_normed(norm), 3 * double_image(2, 2, 8, 8)
    seed = reference.one_hot(net(image), 1, 0, 1)
    layers = list(net)
    normed = norm(net[:2](image))
    signal = reference.project(layers[3:], normed, seed)  # the pool sees normed values
    expected = reference.project(layers[:2], image, signal).detach()
    assert_close(project(net, image, "5", 1, 0, 1, strict=True), expected, **EXACT)


def test_response_norm_does_move_switches():
    """The test before can fail: without the norm, other maxima win somewhere."""
    net, image = response_normed(RESPONSE_NORMS["module"]), 3 * double_image(2, 2, 8, 8)
    below = net[:2](image)
    without = reference.switches(below, 2, 2)
    assert reference.switches(RESPONSE_NORMS["module"](below), 2, 2) != without


def test_response_norm_can_run_its_gradient_instead(project):
    """An option, as in the Caffe branch."""
    net, image = response_normed(RESPONSE_NORMS["functional"]), 3 * double_image(2, 2, 8, 8)
    rules = {F.local_response_norm: cdn.rules.gradient}
    expected = reference.project_by_surgery(net, image, (1, 0, 1))
    assert_close(project(net, image, "5", 1, 0, 1, rules=rules), expected, **EXACT)
