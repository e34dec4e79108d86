"""Recurrent layers of every kind and type: right, whatever torch fuses of them."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn

KINDS = (nn.LSTM, nn.GRU, nn.RNN)
OPTIONS = {
    "plain": {},
    "both directions": {"bidirectional": True},
    "two layers": {"num_layers": 2},
    "two layers in both directions": {"num_layers": 2, "bidirectional": True, "dropout": 0.5},
    "without bias": {"bias": False},
    "batch first": {"batch_first": True},
}
RELU = {"nonlinearity": "relu"}
CASES = [*itertools.product(KINDS, OPTIONS.items()), (nn.RNN, ("relu", RELU))]
CASES += [(nn.LSTM, ("projected", {"proj_size": 3}))]


class Net(nn.Module):
    """Columns of a map are the steps."""

    def __init__(self, kind, **options):
        super().__init__()
        self.conv, self.first = nn.Conv2d(3, 4, 3), options.get("batch_first", False)
        self.recurrent = kind(4, 5, **options)
        self.head = nn.LazyLinear(2)

    def forward(self, x):
        columns = torch.relu(self.conv(x)).mean(2)
        found = self.recurrent(columns.permute((0, 2, 1) if self.first else (2, 0, 1)))
        last = found[1] if isinstance(found[1], torch.Tensor) else found[1][1]
        every = found[0].transpose(0, 1) if not self.first else found[0]
        return self.head(torch.cat([every[:, 1], last.transpose(0, 1).flatten(1)], 1))


def built(kind, options):
    torch.manual_seed(0)
    model, image = Net(kind, **options).eval(), torch.randn(2, 3, 6, 7)
    model(image)
    return model, image


NAMES = [f"{kind.__name__}, {name}" for kind, (name, _) in CASES]


@pytest.mark.parametrize(("kind", "named"), CASES, ids=NAMES)
@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
@pytest.mark.filterwarnings("ignore:Lazy modules", "ignore:LSTM with (symint )?proj")
class TestRecurrentLayers:
    def test_the_gradient_family_is_autograd(self, kind, named):
        model, image = built(kind, named[1])
        leaf = image.clone().requires_grad_()
        (want,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
        got = cdn.DeconvNet(model, relu="gradient").attribute(image, 1)
        assert torch.allclose(got, want, rtol=1e-4, atol=1e-6)

    def test_float32_is_float64_within_rounding_and_the_output_is_the_models(self, kind, named):
        model, image = built(kind, named[1])
        recording = cdn.record(model, image)
        with torch.no_grad():
            assert torch.equal(recording.output, model(image))
        one = cdn.DeconvNet(model).attribute(image, 1)
        rules = recording.receipt.summary()
        other = cdn.DeconvNet(model.double()).attribute(image.double(), 1)
        assert one.any()
        assert torch.allclose(one.double(), other, rtol=1e-4, atol=1e-6 * float(other.abs().max()))
        fallbacks = cdn.record(model, image.double()).receipt.fallbacks
        assert sum(n for (kind, *_), n in rules.items() if kind == "fallback") == sum(
            entry.count for entry in fallbacks
        )

    def test_many_units_come_back_as_each_by_itself(self, kind, named):
        model, image = built(kind, named[1])
        recording = cdn.record(model.double(), image.double(), "head")
        units = [cdn.Unit(n % 2, "head", n // 2) for n in range(4)]
        several, patches = recording.project(units), recording.project_patches(units)
        for unit, found, patch in zip(units, several, patches, strict=True):
            assert torch.allclose(found, recording.project(unit)[0], atol=1e-12)
            assert torch.allclose(found.sum(), patch.pixels.sum(), atol=1e-12)
