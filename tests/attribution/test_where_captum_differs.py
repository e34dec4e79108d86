"""Where Captum's hooks miss or misplace a rectification: its value, ours, and the reference's."""

from __future__ import annotations

import pytest
import reference
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def double(values):
    return torch.tensor(values, dtype=torch.float64)


class OneActivation(nn.Module):
    """Any activation between two layers: W1 = [[1,-1],[2,1],[-1,1]], W2 = [1,-2,3]."""

    def __init__(self, activation):
        super().__init__()
        self.lower = nn.Conv2d(2, 3, 1, bias=False).double()
        self.upper = nn.Conv2d(3, 1, 1, bias=False).double()
        self.lower.weight.data = double([[1, -1], [2, 1], [-1, 1]])[..., None, None]
        self.upper.weight.data = double([[1, -2, 3]])[..., None, None]
        self.activation = activation

    def forward(self, x):
        return self.upper(self.activation(self.lower(x)))


HAND_IMAGE = double([2.0, 1.0]).view(1, 2, 1, 1)


def gradient(model, images, index):
    images = images.clone().requires_grad_()
    return torch.autograd.grad(model(images)[(slice(None), *index)].sum(), images)[0]


def test_with_a_relu_module_all_three_agree(captum_deconvolution):
    """The base case: (-2, 2) by hand."""
    model, target = OneActivation(nn.ReLU()), (0, 0, 0)
    for answer in (
        captum_deconvolution(model, HAND_IMAGE, target),
        cdn.DeconvNet(model).attribute(HAND_IMAGE, target),
        reference.project_by_surgery(model, HAND_IMAGE, target),
    ):
        assert_close(answer.flatten(), double([-2, 2]), **EXACT)


FUNCTIONAL = {
    "F.relu": lambda x: F.relu(x),
    "torch.relu": lambda x: torch.relu(x),
    "x.relu()": lambda x: x.relu(),
}


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_a_functional_relu_gives_captum_the_plain_gradient(name, captum_deconvolution):
    """Captum (-3, -3), the gradient; ours and the reference (-2, 2)."""
    model, target = OneActivation(FUNCTIONAL[name]), (0, 0, 0)
    captum = captum_deconvolution(model, HAND_IMAGE, target)
    ours = cdn.DeconvNet(model).attribute(HAND_IMAGE, target)
    literal = reference.project_by_surgery(model, HAND_IMAGE, target)
    assert_close(captum.flatten(), double([-3, -3]), **EXACT)
    assert_close(captum, gradient(model, HAND_IMAGE, target), **EXACT)
    assert_close(ours.flatten(), double([-2, 2]), **EXACT)
    assert_close(ours, literal, **EXACT)


class Skipping(nn.Module):
    """y = h + relu(h), h = x: the ReLU's input is read by a skip path as well."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1, bias=False).double()
        self.conv.weight.data = torch.eye(2).double()[..., None, None]
        self.relu = nn.ReLU()

    def forward(self, x):
        h = self.conv(x)
        return h + self.relu(h)


def test_a_skip_that_reads_the_relu_input_is_dropped_by_captum(captum_deconvolution):
    """Captum 1; ours and the reference 2."""
    model, image, target = Skipping(), double([3.0, 1.0]).view(1, 2, 1, 1), (0, 0, 0)
    captum = captum_deconvolution(model, image, target)
    ours = cdn.DeconvNet(model).attribute(image, target)
    literal = reference.project_by_surgery(model, image, target)
    assert_close(captum.flatten(), double([1, 0]), **EXACT)
    assert_close(ours.flatten(), double([2, 0]), **EXACT)
    assert_close(ours, literal, **EXACT)


class Branching(nn.Module):
    """One nn.ReLU on two parallel branches of different filters."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.relu, self.top = nn.ReLU(), nn.Conv2d(8, 2, 3)
        self.double()

    def forward(self, x):
        x = self.relu(self.stem(x))
        first, second = self.first(x), self.second(x)
        return self.top(torch.cat([self.relu(first), self.relu(second)], dim=1))


def test_one_relu_on_two_branches_is_mixed_up_by_captum(captum_deconvolution):
    """The store of Captum's hooks is keyed by device, not by call."""
    model, target = Branching(), (1, 2, 2)
    images = torch.randn(2, 2, 7, 7, dtype=torch.float64)
    literal = reference.project_by_surgery(model, images, target)
    captum = captum_deconvolution(model, images, target)
    ours = cdn.DeconvNet(model).attribute(images, target)
    assert_close(ours, literal, **EXACT)
    assert (captum - literal).abs().max() > 0.01 * literal.abs().max()


SMOOTH = [nn.ReLU6(), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.ELU()]


@pytest.mark.parametrize("activation", SMOOTH, ids=str)
def test_other_activations_give_captum_the_plain_gradient(activation, captum_deconvolution):
    """Captum the gradient of the curve; ours and the reference (-2, 2), as for ReLU."""
    model, target = OneActivation(activation), (0, 0, 0)
    captum = captum_deconvolution(model, HAND_IMAGE, target)
    ours = cdn.DeconvNet(model).attribute(HAND_IMAGE, target)
    literal = reference.project_by_surgery(model, HAND_IMAGE, target)
    assert_close(captum, gradient(model, HAND_IMAGE, target), **EXACT)
    assert_close(ours.flatten(), double([-2, 2]), **EXACT)
    assert_close(ours, literal, **EXACT)
    assert (captum - literal).abs().max() > 0.1


def googlenet():
    return torchvision.models.googlenet(init_weights=False, aux_logits=False, num_classes=10)


REAL = {
    "googlenet": googlenet,  # F.relu
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=10),  # ReLU6
    "efficientnet_b0": lambda: torchvision.models.efficientnet_b0(num_classes=10),  # SiLU, gates
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(num_classes=10),
    "densenet": lambda: torchvision.models.DenseNet(8, (2, 3), 8, num_classes=10),  # ends in F.relu
}


@pytest.mark.parametrize("name", REAL)
def test_real_models_that_captum_does_not_know(name, captum_deconvolution):
    """Ours is the reference's; Captum's is another picture."""
    model = REAL[name]().double().eval()
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    literal = reference.project_by_surgery(model, images, (4,))
    captum = captum_deconvolution(model, images, 4)
    ours = cdn.DeconvNet(model).attribute(images, 4)
    scale = float(literal.abs().max())
    assert scale > 0
    assert float((ours - literal).abs().max()) <= 1e-9 * scale
    assert float((captum - literal).abs().max()) > 1e-3 * scale


@pytest.mark.parametrize("name", ["googlenet", "mobilenet_v2"])
def test_on_models_without_relu_modules_captum_is_the_plain_gradient(name, captum_deconvolution):
    """Bit-equal: it hooked nothing."""
    model = REAL[name]().double().eval()
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    captum = captum_deconvolution(model, images, 4)
    assert torch.equal(captum, gradient(model, images, (4,)))


def test_units_of_a_functional_model_follow_the_reference_too():
    """googlenet, one neuron of an inception block."""
    model = googlenet().double().eval()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    literal = reference.project_by_surgery(model, images, (7, 1, 2), layer="inception3b")
    ours = cdn.NeuronDeconvNet(model, model.inception3b).attribute(images, (7, 1, 2))
    assert_close(ours, literal, rtol=1e-9, atol=1e-9 * float(literal.abs().max()))
