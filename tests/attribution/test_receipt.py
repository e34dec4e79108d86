"""The attribution classes say which rules ran in their last call."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from captum.attr import NoiseTunnel
from torch import nn

import captum_deconvnet as cdn


def net():
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GELU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(36, 5),
    ).eval()  # fmt: skip


def images(count=2):
    return torch.rand(count, 3, 12, 12)


def modules_of(receipt):
    return [entry.module for entry in receipt.entries]


CLASSES = {
    "DeconvNet": (lambda model: cdn.DeconvNet(model), 1),
    "NeuronDeconvNet": (lambda model: cdn.NeuronDeconvNet(model, "4"), (0, 1, 1)),
    "LayerDeconvNet": (lambda model: cdn.LayerDeconvNet(model, "1"), 1),
}


@pytest.mark.parametrize("name", CLASSES)
def test_there_is_no_receipt_before_the_first_call_and_one_after_it(name):
    build, chosen = CLASSES[name]
    explainer = build(net())
    assert explainer.receipt is None
    explainer.attribute(images(), chosen)
    assert isinstance(explainer.receipt, cdn.Receipt)
    assert explainer.receipt.entries


def test_the_receipt_of_the_output_is_that_of_a_recording():
    model, batch = net(), images()
    explainer = cdn.DeconvNet(model)
    explainer.attribute(batch, 1)
    assert explainer.receipt == cdn.record(model, batch).receipt


def test_the_receipt_of_a_neuron_is_that_of_a_recording_from_its_layer():
    model, batch = net(), images()
    explainer = cdn.NeuronDeconvNet(model, "4")
    explainer.attribute(batch, (0, 1, 1))
    assert explainer.receipt == cdn.record(model, batch, "4").receipt_from("4")
    assert explainer.receipt.counts == {"paper": 4, "adjoint": 0, "extension": 1, "fallback": 0}


def test_the_receipt_of_a_layer_names_only_what_lies_behind_it():
    explainer = cdn.LayerDeconvNet(net(), "2")
    explainer.attribute(images(), 1)
    assert modules_of(explainer.receipt) == ["3", "4", "5", "6"]


def test_the_receipt_is_of_the_last_call():
    model, batch = nn.Sequential(net(), nn.Tanh()), images()
    explainer = cdn.DeconvNet(model)
    explainer.attribute(batch, 1)
    first = explainer.receipt
    model[1] = nn.Identity()
    explainer.attribute(batch, 1)
    assert len(first.entries) == len(explainer.receipt.entries) + 1
    explainer.attribute(images(0), 1)
    assert explainer.receipt.entries == ()


def test_an_error_leaves_the_receipt_of_the_call_before_it():
    explainer = cdn.DeconvNet(net())
    explainer.attribute(images(), 1)
    before = explainer.receipt
    with pytest.raises(cdn.errors.TargetError):
        explainer.attribute(images(), 99)
    assert explainer.receipt == before


def test_a_noise_tunnel_leaves_a_receipt():
    explainer = cdn.DeconvNet(net())
    NoiseTunnel(explainer).attribute(images(), nt_samples=2, target=1)
    assert explainer.receipt == cdn.record(net(), images()).receipt


def test_a_class_of_captums_that_holds_ours_leaves_the_receipt_of_what_was_passed():
    model, batch = net(), images()
    explainer = cdn.DeconvNet(model)
    explainer.gradient_func = captum_neuron_gradient(model)
    explainer.attribute(batch)
    assert explainer.receipt == cdn.record(model, batch, "4").receipt_from("4")


def captum_neuron_gradient(model):
    from captum._utils.gradient import construct_neuron_grad_fn

    return construct_neuron_grad_fn(model[4], (0, 1, 1))


def test_an_explainer_with_a_receipt_can_be_copied_and_pickled():
    explainer = cdn.NeuronDeconvNet(net(), "4")
    explainer.attribute(images(), (0, 1, 1))
    assert copy.deepcopy(explainer).receipt == explainer.receipt
    assert pickle.loads(pickle.dumps(explainer)).receipt == explainer.receipt


def test_the_projection_of_a_difference_has_a_receipt():
    explainer = cdn.FeatureDifference(net(), "1", "rotation", 90)
    assert explainer.receipt is None
    explainer.attribute(images())
    assert modules_of(explainer.receipt) == ["0", "1"]
