"""Models in other people's wrappings project as they do without."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn


def net():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


class Called(nn.Module):
    """By ``functional_call``, with weights that stand elsewhere."""

    def __init__(self):
        super().__init__()
        self.net = net()
        self.own = [parameter.detach().clone() for parameter in self.net.parameters()]

    def forward(self, x):
        names = [name for name, _ in self.net.named_parameters()]
        return torch.func.functional_call(self.net, dict(zip(names, self.own, strict=True)), (x,))


def normalised(function):
    model = net()
    function(model[0])
    return model.eval()


WRAPPED = {
    "compiled": (lambda: torch.compile(net(), backend="eager"), "_orig_mod.2"),
    "data parallel": (lambda: nn.DataParallel(net()), "module.2"),
    "traced by fx": (lambda: torch.fx.symbolic_trace(net()), "2"),
    "called with other weights": (Called, "net.2"),
    "copied": (lambda: copy.deepcopy(net()), "2"),
    "weight norm": (lambda: normalised(nn.utils.parametrizations.weight_norm), "2"),
    "script inside": (lambda: nn.Sequential(torch.jit.script(net()[:2]), *net()[2:]), "1"),
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.filterwarnings(
    "ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning"
)
def test_a_wrapped_model_projects_as_the_model_it_holds(name):
    build, layer = WRAPPED[name]
    model, plain, image = build(), net(), torch.randn(2, 3, 10, 9)
    got, want = (cdn.DeconvNet(m).attribute(image, 1) for m in (model, plain))
    assert torch.allclose(got, want, atol=1e-7)
    one, other = cdn.record(model, image, layer), cdn.record(plain, image, "2")
    pairs = [(cdn.Unit(0, path, 1, row=2, column=3)) for path in (layer, "2")]
    projected = [r.project(unit) for r, unit in zip((one, other), pairs, strict=True)]
    assert torch.allclose(*projected, atol=1e-7)
    neuron = cdn.NeuronDeconvNet(model, layer).attribute(image, (1, 2, 3))
    assert torch.allclose(
        neuron, cdn.NeuronDeconvNet(plain, "2").attribute(image, (1, 2, 3)), atol=1e-7
    )


def test_spectral_norm_projects_by_the_norm_of_its_eval_mode():
    model = normalised(nn.utils.parametrizations.spectral_norm)
    plain = net()
    plain[0].weight.data = model[0].weight.detach().clone()
    image = torch.randn(2, 3, 10, 9)
    got, want = (cdn.DeconvNet(m).attribute(image, 1) for m in (model, plain))
    assert torch.allclose(got, want, atol=1e-7)
