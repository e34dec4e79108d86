"""The reference itself, against values worked out apart from it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from reference import project_by_surgery
from reference_network import NoReferenceError, read
from torch import nn
from torchvision import models


class Net(nn.Module):
    """A filter, then any function."""

    def __init__(self, after, channels=4):
        super().__init__()
        self.filter = nn.Conv2d(3, channels, 3, bias=False)
        self.after = after

    def forward(self, x):
        return self.after(self.filter(x))


def projected(net, image, seed=None):
    net = net.double().eval()
    tape = read(net, image, [""])
    seed = torch.ones_like(tape.values[""]) if seed is None else seed
    return tape.project("", seed)


def filtered_back(net, signal):
    return F.conv_transpose2d(signal, net.filter.weight)


@pytest.fixture
def image():
    return torch.randn(1, 3, 8, 8, dtype=torch.float64)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "vgg11_bn"])
def test_it_agrees_with_surgery_on_modules(name):
    net = models.get_model(name, weights=None).double().eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    tape = read(net, image, [""])
    seed = torch.zeros_like(tape.values[""])
    seed[0, 7] = 1
    projection, gradients = tape.project("", seed)
    right = project_by_surgery(net, image, (7,))
    assert torch.allclose(projection, right, rtol=1e-9, atol=1e-12 * right.abs().max().item())
    assert gradients == 0


def test_a_gate_is_held_fixed(image):
    net = Net(lambda x: x * x.mean((2, 3), keepdim=True).sigmoid())
    projection, gradients = projected(net, image)
    gate = net.filter(image).mean((2, 3), keepdim=True).sigmoid()
    assert torch.allclose(projection, filtered_back(net, gate.expand(1, 4, 6, 6)))
    assert gradients == 0


def test_an_activation_that_gates_itself_rectifies(image):
    net = Net(lambda x: x * x.sigmoid())
    seed = torch.randn(1, 4, 6, 6, dtype=torch.float64)
    projection, _ = projected(net, image, seed)
    assert torch.allclose(projection, filtered_back(net, seed.clamp(min=0)))


def test_attention_weights_stay_fixed_when_a_filter_mixes_the_heads(image):
    mix = nn.Conv2d(4, 4, 1, bias=False).double().requires_grad_(False)

    def attend(x):
        return mix((x @ x.transpose(-2, -1)).softmax(-1)) @ x

    net = Net(attend)
    projection, gradients = projected(net, image)
    x = net.filter(image)
    weights = mix((x @ x.transpose(-2, -1)).softmax(-1))
    assert torch.allclose(
        projection, filtered_back(net, weights.transpose(-2, -1) @ torch.ones_like(x))
    )
    assert gradients == 0


def test_a_filter_that_the_image_chose_is_a_recorded_filter(image):
    bank = torch.randn(2, 5, 4, 1, 1, dtype=torch.float64)

    def chosen(x):
        return x.mean((0, 2, 3))[:2].sigmoid() @ bank.reshape(2, -1)

    net = Net(lambda x: F.conv2d(x, chosen(x).reshape(5, 4, 1, 1)))
    projection, gradients = projected(net, image)
    weight = chosen(net.filter(image)).reshape(5, 4, 1, 1)
    ones = torch.ones(1, 5, 6, 6, dtype=torch.float64)
    assert torch.allclose(projection, filtered_back(net, F.conv_transpose2d(ones, weight)))
    assert gradients == 0


def test_mean_and_deviation_of_a_norm_are_recorded_however_it_is_spelled(image):
    def spelled(x):
        mean = x.mean(1, keepdim=True)
        return (x - mean) / ((x - mean).pow(2).mean(1, keepdim=True) + 1e-5).sqrt()

    net = Net(spelled)
    projection, _ = projected(net, image)
    module = Net(lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)).permute(0, 3, 1, 2))
    module.filter = net.filter
    fused, _ = projected(module, image)
    deviation = (net.filter(image).var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    right = filtered_back(net, (1 / deviation).expand(1, 4, 6, 6))
    assert torch.allclose(projection, right)
    assert torch.allclose(fused, right)


def test_a_product_of_two_activations_takes_the_gradient_and_says_so(image):
    projection, gradients = projected(Net(lambda x: x[:, :2] * x[:, 2:]), image)
    assert gradients == 1
    assert projection.any()


def test_batch_norm_before_tokens_is_right_where_autograd_is_not(image):
    """torch 2.15 on a CPU: the gradient of the norm is wrong for permuted strides, batch 1."""
    norm = nn.BatchNorm2d(4).double().eval()
    norm.running_var.uniform_(0.5, 2)
    net = Net(lambda x: norm(x).flatten(2).transpose(1, 2) * 2)
    seed = torch.randn(1, 36, 4, dtype=torch.float64)
    projection, _ = projected(net, image, seed)
    gain = 2 / (norm.running_var + norm.eps).sqrt().view(1, -1, 1, 1)
    right = filtered_back(net, seed.transpose(1, 2).reshape(1, 4, 6, 6) * gain)
    assert torch.allclose(projection, right)
    assert torch.allclose(read(net, image, [""]).gradient("", seed), right)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (torch.digamma, "Digamma"),
        (lambda x: x.sigmoid() * x.flip(1).sigmoid(), "both factors"),
        (lambda x: x.clamp(min=0.5), "clamp"),
    ],
)
def test_it_says_so_rather_than_guess(image, after, said):
    with pytest.raises(NoReferenceError, match=said):
        projected(Net(lambda x: after(x).abs()), image)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda x: x * F.relu6(x + 3) / 6,
        lambda x: x * (F.relu6(x + 3) / 6),
        lambda x: x * (F.relu6(x + 3) * (1 / 6)),
        lambda x: x * F.hardtanh(2 * x + 1, 0, 1),
    ],
)
def test_a_hard_swish_that_is_spelled_out_rectifies_at_its_slope_for_large_inputs(image, spelled):
    net, seed = Net(spelled), torch.randn(1, 4, 6, 6, dtype=torch.float64)
    projection, gradients = projected(net, image, seed)
    assert gradients == 0
    assert torch.allclose(projection, filtered_back(net, seed.clamp(min=0)))


def test_a_fourier_transform_and_what_is_done_to_it_is_its_adjoint(image):
    def smoothed(x):
        found = torch.fft.rfft(x)
        return torch.fft.irfft(found * torch.linspace(1, 0, found.shape[-1]), n=x.shape[-1])

    net, seed = Net(smoothed), torch.randn(1, 4, 6, 6, dtype=torch.float64)
    projection, gradients = projected(net, image, seed)
    given = image.clone().requires_grad_()
    (right,) = torch.autograd.grad(net(given), given, seed)
    assert gradients == 0
    assert torch.allclose(projection, right)


def test_a_local_response_norm_is_the_identity_and_its_gradient_autograds(image):
    net, seed = Net(lambda x: F.local_response_norm(x, 3)), torch.randn(1, 4, 6, 6).double()
    assert torch.allclose(projected(net, image, seed)[0], filtered_back(net, seed))
    given = image.clone().requires_grad_()
    (right,) = torch.autograd.grad(net(given), given, seed)
    assert torch.allclose(read(net, image, [""]).gradient("", seed), right)


def test_a_rectifier_that_changes_a_view_in_place_is_refused(image):
    def rectify_half(x):
        x = x.clone()
        x[:, :2].relu_()
        return x

    with pytest.raises(NoReferenceError, match="relu_"):
        projected(Net(rectify_half), image)


def test_the_model_is_left_as_it_was(image):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True)).double().eval()
    read(net, image, ["0"])
    assert net[1].inplace
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert not net[0]._forward_hooks
