"""A batch norm's gain may move into the filter before it, but nobody can tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def net():
    torch.manual_seed(2)
    norm = nn.BatchNorm2d(4)
    nn.init.uniform_(norm.weight, -2, 2)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    return nn.Sequential(nn.Conv2d(2, 4, 3), norm, nn.ReLU()).double().eval()


def gain(model):
    return (model[1].weight / (model[1].running_var + model[1].eps).sqrt()).view(1, -1, 1, 1)


def test_a_unit_behind_the_norm_is_filtered_with_the_gain():
    model, image = net(), torch.randn(2, 2, 12, 12, dtype=torch.float64)
    signal = torch.randn(2, 4, 10, 10, dtype=torch.float64)
    projection = cdn.record(model, image, "1").project_signal("1", signal)
    expected = F.conv_transpose2d(signal * gain(model), model[0].weight)
    assert_close(projection, expected, **EXACT)


def test_a_unit_between_filter_and_norm_is_filtered_without_the_gain():
    model, image = net(), torch.randn(2, 2, 12, 12, dtype=torch.float64)
    signal = torch.randn(2, 4, 10, 10, dtype=torch.float64)
    recording = cdn.record(model, image, ["0", "1"])
    assert_close(
        recording.project_signal("0", signal),
        F.conv_transpose2d(signal, model[0].weight),
        **EXACT,
    )
    expected = F.conv_transpose2d(signal * gain(model), model[0].weight)
    assert_close(recording.project_signal("1", signal), expected, **EXACT)


def test_a_filter_that_two_norms_read_keeps_its_own_weight():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = net(), net()[1]
            nn.init.uniform_(self.other.weight, -2, 2)

        def forward(self, x):
            x = self.one[0](x)
            return self.one[1](x) + self.other(x)

    model, image = Two().eval(), torch.randn(1, 2, 12, 12, dtype=torch.float64)
    given = image.clone().requires_grad_()
    expected = torch.autograd.grad(model(given).sum(), given)[0]
    output = cdn.DeconvNet(nn.Sequential(model, nn.Flatten(), nn.Linear(400, 1, bias=False)))
    nn.init.ones_(output.model[2].weight)
    output.model.double()
    assert_close(output.attribute(image), expected, **EXACT)


def test_the_receipt_names_both():
    receipt = cdn.record(net(), torch.randn(1, 2, 12, 12, dtype=torch.float64)).receipt
    operations = [entry.operation for entry in receipt.entries]
    assert operations == ["convolution", "native_batch_norm", "relu"]
