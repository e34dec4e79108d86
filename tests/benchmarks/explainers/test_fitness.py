"""Pairs that would be silently wrong are skipped with a reason."""

from __future__ import annotations

import contextlib

import pytest
from torch import nn
from torch.nn import functional as F

from captum_deconvnet_benchmarks.explainers.captum_calls import calling_captum
from captum_deconvnet_benchmarks.protocol.catalogue import explainers
from captum_deconvnet_benchmarks.protocol.explainer import Subject


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return F.relu(self.conv(x)).mean((2, 3))


class Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.ReLU()

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x)))).mean((2, 3))


def net(activation):
    return nn.Sequential(nn.Conv2d(1, 2, 3), activation, nn.Flatten(), nn.Linear(72, 2)).eval()


def reason(name, model, layer=None):
    return explainers()[name].unfit(Subject("net", model, layer, (1, 8, 8)))


REWIRING = ("captum/guided-backprop", "captum/deconvolution")


@pytest.mark.parametrize("name", REWIRING)
def test_captum_rewires_nn_relu_only(name):
    assert reason(name, net(nn.ReLU())) is None
    assert reason(name, Reused()) is None
    assert "relu in the model itself is none" in reason(name, Functional())
    for activation in (nn.ReLU6(), nn.GELU(), nn.SiLU(), nn.LeakyReLU()):
        assert "in 1 is none: its answer would silently be" in reason(name, net(activation))


def test_deep_lift_needs_modules_that_it_knows_each_used_once():
    name = "captum/deep-lift"
    assert reason(name, net(nn.ReLU())) is None
    assert reason(name, net(nn.LeakyReLU())) is None
    assert "no rule for hardtanh in 1" in reason(name, net(nn.ReLU6()))
    assert "no rule for relu in the model itself" in reason(name, Functional())
    assert "used again, as relu is" in reason(name, Reused())


def test_grad_cam_needs_a_layer():
    assert reason("captum/grad-cam", net(nn.ReLU()), "0") is None
    assert "no layer" in reason("captum/grad-cam", net(nn.ReLU()))
    assert "no layer" in reason("captum/guided-grad-cam", net(nn.ReLU()))
    assert "nn.ReLU modules only" in reason("captum/guided-grad-cam", net(nn.ReLU6()), "0")


def test_a_subject_whose_inputs_are_unknown_is_not_trusted():
    subject = Subject("net", net(nn.ReLU()))
    assert "not known what inputs" in explainers()["captum/deconvolution"].unfit(subject)
    assert "not known what inputs" in explainers()["captum/deep-lift"].unfit(subject)


def test_ours_fit_every_net():
    for name in ("deconvnet", "guided", "gradient", "adjoint", "occlusion", "deconvnet-x-input"):
        assert reason(name, Functional()) is None


def test_hooks_of_an_interrupted_call_are_taken_away_and_those_of_others_stay():
    model = net(nn.ReLU())
    kept = model[1].register_forward_hook(lambda *given: None)
    with contextlib.suppress(MemoryError), calling_captum(model):
        model[1].register_full_backward_hook(lambda *given: None)
        model[0].register_forward_pre_hook(lambda *given: None)
        raise MemoryError
    assert list(model[1]._forward_hooks) == [kept.id]
    assert not model[1]._backward_hooks
    assert not model[0]._forward_pre_hooks
