"""A softmax at the end of a model is stripped; one that a model computes with is not."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import UnsupportedOperationError

CLASSES = 4


class Ending(nn.Module):
    """A small net that ends in what is done with its four logits a place."""

    def __init__(self, ending):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, CLASSES, 3))
        self.read = nn.Conv2d(CLASSES, 2, 1, bias=False)
        self.ending = ending

    def forward(self, x):
        return self.ending(self, self.body(x))


ENDS = {
    "as it is": lambda net, logits: logits.softmax(1),
    "logarithm": lambda net, logits: logits.log_softmax(1),
    "moved": lambda net, logits: logits.permute(0, 2, 3, 1).softmax(-1).permute(0, 3, 1, 2),
    "beside others": lambda net, logits: torch.cat([logits.softmax(1), net.read(logits)], 1),
    "in per cent": lambda net, logits: 100 * logits.softmax(1),
    "cropped": lambda net, logits: logits.softmax(1)[:, :, 1:, :-1],
    "attention then softmax": lambda net, logits: (
        (logits.flatten(2).softmax(2).detach() * logits.flatten(2)).view_as(logits).softmax(1)
    ),
}

MIDDLES = {
    "filter": lambda net, logits: net.read(logits.softmax(1)),
    "expected value": lambda net, logits: (
        logits.softmax(1) * torch.arange(4.0, dtype=logits.dtype).view(1, 4, 1, 1)
    ).sum(1, True),
    "matrix": lambda net, logits: torch.einsum(
        "nchw,c->nhw", logits.softmax(1), net.read.weight[0, :, 0, 0]
    )[:, None],
    "place": lambda net, logits: (
        logits.flatten(2).softmax(2) @ torch.arange(16.0, dtype=logits.dtype).view(16, 1)
    ).unsqueeze(-1),
    "logarithm": lambda net, logits: net.read(logits.log_softmax(1)),
    "logarithm after": lambda net, logits: logits.softmax(1).log(),
    "rectified": lambda net, logits: (logits.softmax(1) - 0.25).relu(),
}


@pytest.fixture
def image():
    return torch.randn(1, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def projected(model, image, unit):
    recording = cdn.record(model, image, unit.layer)
    return recording.project([unit], seed=1.0), recording.receipt


def rules(receipt):
    return {entry.rule for entry in receipt.entries if "softmax" in entry.operation}


@pytest.mark.parametrize("name", ENDS)
def test_where_a_model_ends_in_it_the_projection_starts_at_the_logit(name, image):
    model = Ending(ENDS[name]).double().eval()
    found, receipt = projected(model, image, cdn.Unit(0, "", 1, 1, 1))
    assert rules(receipt) == {"start at the logit"}
    assert receipt.counts["fallback"] == 0
    assert found.any()


@pytest.mark.parametrize("name", MIDDLES)
def test_where_a_model_computes_with_it_its_own_derivative_runs_and_is_named(name, image):
    model = Ending(MIDDLES[name]).double().eval()
    found, receipt = projected(model, image, cdn.Unit(0, "", 0))
    logits = model.body(image).detach().requires_grad_()
    output = model.ending(model, logits)
    signal = torch.zeros_like(output)
    signal[0, 0].view(-1)[0] = 1.0
    if name == "rectified":  # a rectifier rectifies the signal, whatever the forward sign was
        output = logits.softmax(1)
    (signal,) = torch.autograd.grad(output, logits, signal)
    right = cdn.record(model, image, "body").project_signal("body", signal)
    assert rules(receipt) == {"gradient"}
    assert_close(found, right, rtol=1e-10, atol=1e-14)
    with pytest.raises(UnsupportedOperationError, match="softmax"):
        cdn.record(model, image, "", strict=True)


def test_attribution_says_the_same_of_both(image):
    for endings, name in ((ENDS, "as it is"), (MIDDLES, "filter")):
        model = Ending(endings[name]).double().eval()
        right, _ = projected(model, image, cdn.Unit(0, "", 1, 1, 1))
        assert_close(cdn.DeconvNet(model).attribute(image, (1, 1, 1)), right)


def test_unpooling_at_recorded_switches_is_its_adjoint(image):
    class Unpooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 3, 3, padding=1)

        def forward(self, x):
            small, switches = nn.functional.max_pool2d(self.conv(x), 2, return_indices=True)
            return nn.functional.max_unpool2d(small, switches, 2)

    model = Unpooled().double().eval()
    recording = cdn.record(model, image, "", strict=True)
    unit = max(recording.strongest(""), key=lambda unit: unit.value)
    given = image.clone().requires_grad_()
    output = model(given)[0, unit.channel, unit.row, unit.column]
    (right,) = torch.autograd.grad(output, given)
    assert_close(recording.project([unit], seed=1.0), right, rtol=1e-12, atol=1e-14)


CHOSEN = {
    "maximum": lambda gate: gate.max(dim=1, keepdim=True).values,
    "largest": lambda gate: gate.amax(dim=1, keepdim=True),
    "pooled": lambda gate: nn.functional.max_pool2d(gate, 3, 1, 1),
    "rest": lambda gate: 1 - gate.max(dim=1, keepdim=True)[0],
}


@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_largest_of_several_gates_is_a_gate(chosen, kind, image):
    def gated(net, logits, held=lambda gate: gate):
        gate = logits.softmax(1) if kind == "softmax" else logits.sigmoid()
        return held(CHOSEN[chosen](gate)) * net.body[0](image_of[0])[:, :1, 2:, 2:]

    image_of = [image]

    class Gated(Ending):
        def forward(self, x):
            image_of[0] = x
            return gated(self, self.body(x), self.ending)

    unit = cdn.Unit(0, "", 0, 1, 2)
    found, receipt = projected(Gated(lambda gate: gate).double().eval(), image, unit)
    right, _ = projected(Gated(lambda gate: gate.detach()).double().eval(), image, unit)
    assert receipt.counts["fallback"] == 0
    assert_close(found, right, rtol=1e-12, atol=1e-14)
