"""On nets of unshared nn.ReLU modules Captum is right, and ours is what Captum gives."""

from __future__ import annotations

import pytest
import reference
import torch
import torchvision
from torch.testing import assert_close

import captum_deconvnet as cdn

MODELS = {
    "vgg11": ("features.10", 64),
    "alexnet": ("features.8", 80),
    "resnet18": ("layer2.0.conv2", 64),
    "squeezenet1_1": ("features.6.expand3x3", 80),
}


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    """(model, layer, images), random weights, float32."""
    torch.manual_seed(2013)
    layer, size = MODELS[request.param]
    model = torchvision.models.get_model(request.param, weights=None, num_classes=10).eval()
    return model, layer, torch.randn(2, 3, size, size)


def relative_error(ours, theirs):
    """Largest difference, as a fraction of the largest value."""
    assert theirs.any()
    return float((ours - theirs).abs().max() / theirs.abs().max())


def test_deconvnet_is_captums_deconvolution(case, captum_deconvolution):
    """Must hold: relative error at most 1e-5."""
    model, _, images = case
    for target in (3, [0, 7]):
        theirs = captum_deconvolution(model, images, target)
        ours = cdn.DeconvNet(model).attribute(images, target)
        assert relative_error(ours, theirs) <= 1e-5


def test_neuron_deconvnet_is_captums_neuron_deconvolution(case, captum_neuron):
    """Must hold: relative error at most 1e-5, for one neuron and for a slice of them."""
    model, name, images = case
    layer = model.get_submodule(name)
    for selector in ((1, 2, 1), (slice(0, 3), 1, slice(None))):
        theirs = captum_neuron(model, layer, images, selector)
        ours = cdn.NeuronDeconvNet(model, layer).attribute(images, selector)
        assert relative_error(ours, theirs) <= 1e-5


def test_a_projected_unit_is_captums_neuron_times_its_activation(case, captum_neuron):
    """Zeiler and Fergus seed with the activation, Captum with 1."""
    model, name, images = case
    recording = cdn.record(model, images, name)
    unit = max(recording.strongest(name), key=lambda unit: unit.value)
    assert unit.value > 0  # only positively homogeneous
    selector = (unit.channel, unit.row, unit.column)
    theirs = captum_neuron(model, model.get_submodule(name), images, selector)[unit.image]
    assert relative_error(recording.project([unit])[0], unit.value * theirs) <= 1e-5


def test_ours_captums_and_the_surgery_agree_in_double_precision(captum_deconvolution):
    """Three independent answers for one ResNet."""
    model = torchvision.models.resnet18(num_classes=10).double().eval()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    ours = cdn.DeconvNet(model).attribute(images, 5)
    surgery = reference.project_by_surgery(model, images, (5,))
    assert_close(ours, surgery, rtol=1e-9, atol=1e-9 * float(surgery.abs().max()))
    assert relative_error(captum_deconvolution(model, images, 5), surgery) <= 1e-9
