"""Captum's conventions to the letter: class tree, log_usage, errors, state, and its own tools."""

from __future__ import annotations

import copy
import inspect
import warnings

import pytest
import torch
from captum.attr import (
    Deconvolution,
    NeuronDeconvolution,
    NoiseTunnel,
)
from captum.attr._utils.attribution import (
    Attribution,
    GradientAttribution,
    LayerAttribution,
    NeuronAttribution,
)
from captum.metrics import infidelity, sensitivity_max
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def model(outputs=5):
    torch.manual_seed(4)
    layers = [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 2, stride=2)]
    layers += [nn.ReLU(), nn.Flatten(), nn.Linear(27, outputs)]
    return nn.Sequential(*layers).double().eval()


def images(count=3):
    return torch.randn(count, 2, 8, 8, dtype=torch.float64)


def explainers(net):
    return [cdn.DeconvNet(net), cdn.NeuronDeconvNet(net, net[3]), cdn.LayerDeconvNet(net, net[3])]


# --- the class tree ---------------------------------------------------------------------------


def test_the_classes_stand_where_captums_stand():
    """NoiseTunnel and others ask isinstance(x, GradientAttribution)."""
    attribution, neuron, layer = explainers(model())
    assert all(isinstance(each, Attribution) for each in (attribution, neuron, layer))
    assert isinstance(attribution, GradientAttribution)
    assert isinstance(neuron, NeuronAttribution)
    assert isinstance(neuron, GradientAttribution)
    assert isinstance(layer, LayerAttribution)


def test_the_attributes_captum_code_reads_are_there():
    net = model()
    attribution, neuron, layer = explainers(net)
    assert attribution.model is net
    assert all(each.forward_func is net for each in (attribution, neuron, layer))
    assert neuron.layer is net[3]
    assert layer.layer is net[3]
    assert neuron.device_ids is None
    for each in (attribution, neuron, layer):
        assert each.multiplies_by_inputs is False
        assert each.has_convergence_delta() is False
        with pytest.raises(NotImplementedError):
            each.attribute_future()


def test_the_classes_have_names_as_captum_spells_them():
    assert Deconvolution.get_name() == "Deconvolution"
    assert cdn.DeconvNet.get_name() == "Deconv Net"
    assert cdn.NeuronDeconvNet.get_name() == "Neuron Deconv Net"
    assert cdn.LayerDeconvNet.get_name() == "Layer Deconv Net"


def signature(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_the_signatures_begin_with_captums():
    """Positional calls written for Captum keep working; ours are keyword-only."""
    pairs = [(cdn.DeconvNet, Deconvolution), (cdn.NeuronDeconvNet, NeuronDeconvolution)]
    for ours, theirs in pairs:
        assert signature(ours.attribute) == signature(theirs.attribute)
        count = len(signature(theirs.__init__))
        assert signature(ours.__init__)[:count] == signature(theirs.__init__)
        kinds = [p.kind for p in inspect.signature(ours.__init__).parameters.values()]
        assert all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds[count + 1 :])
    layer = ["inputs", "target", "additional_forward_args", "attribute_to_layer_input"]
    assert signature(cdn.LayerDeconvNet.attribute) == layer
    assert signature(cdn.LayerDeconvNet.__init__)[:3] == ["model", "layer", "device_ids"]


def test_attribute_is_wrapped_as_captum_wraps_its_own():
    """Captum classes call each other by attribute.__wrapped__(self, ...)."""
    net, batch = model(), images()
    for each in (cdn.DeconvNet, cdn.NeuronDeconvNet, cdn.LayerDeconvNet):
        assert hasattr(each.attribute, "__wrapped__")
    explained = cdn.DeconvNet(net)
    unwrapped = explained.attribute.__wrapped__(explained, batch, 2)
    assert_close(unwrapped, explained.attribute(batch, 2), **EXACT)


def test_interpolation_of_layer_attributions_is_inherited():
    coarse = torch.arange(4.0).view(1, 1, 2, 2)
    assert cdn.LayerDeconvNet.interpolate(coarse, (4, 4)).shape == (1, 1, 4, 4)


# --- working inside Captum --------------------------------------------------------------------


@pytest.mark.parametrize("selector", [(1, 2, 0), (slice(0, 2), 1, slice(None))], ids=str)
def test_captums_neuron_class_can_hold_ours(selector):
    """It sets our gradient_func and calls attribute.__wrapped__: that must be honoured."""
    net, batch = model(), images()
    theirs = NeuronDeconvolution(net, net[3])
    theirs.deconv = cdn.DeconvNet(net)
    ours = cdn.NeuronDeconvNet(net, net[3]).attribute(batch, selector)
    assert ours.any()
    assert_close(theirs.attribute(batch, selector), ours, **EXACT)


def test_captums_neuron_class_holding_ours_sees_functional_rectifiers():
    """Honouring gradient_func must not mean falling back to the plain gradient."""

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.lower, self.upper = nn.Conv2d(2, 4, 3).double(), nn.Conv2d(4, 3, 2).double()

        def forward(self, x):
            return self.upper(self.lower(x).relu())

    net, batch = Functional(), images()
    theirs = NeuronDeconvolution(net, net.upper)
    theirs.deconv = cdn.DeconvNet(net)
    ours = cdn.NeuronDeconvNet(net, net.upper).attribute(batch, (1, 2, 0))
    assert_close(theirs.attribute(batch, (1, 2, 0)), ours, **EXACT)


def test_a_noise_tunnel_averages_projections():
    """Without pools a projection does not depend on the image: noise changes nothing."""
    net, batch = model(), images()
    explained = cdn.DeconvNet(net)
    tunnel = NoiseTunnel(explained)
    for options in ({}, {"nt_samples_batch_size": 2}):
        smooth = tunnel.attribute(
            batch, nt_type="smoothgrad", nt_samples=4, stdevs=0.3, target=2, **options
        )
        assert_close(smooth, explained.attribute(batch, 2), **EXACT)
    squared = tunnel.attribute(batch, nt_type="smoothgrad_sq", nt_samples=3, stdevs=0.3, target=2)
    assert_close(squared, explained.attribute(batch, 2).square(), **EXACT)


def test_a_noise_tunnel_takes_neurons_too():
    net, batch = model(), images()
    explained = cdn.NeuronDeconvNet(net, net[3])
    smooth = NoiseTunnel(explained).attribute(batch, nt_samples=3, neuron_selector=(1, 2, 0))
    assert_close(smooth, explained.attribute(batch, (1, 2, 0)), **EXACT)


def test_sensitivity_is_zero_where_the_image_does_not_matter():
    """captum.metrics.sensitivity_max calls attribute under no_grad."""
    net, batch = model(), images()
    explained = cdn.DeconvNet(net)
    sensitivity = sensitivity_max(explained.attribute, batch, n_perturb_samples=3, target=2)
    assert sensitivity.shape == (3,)
    assert_close(sensitivity, torch.zeros(3, dtype=sensitivity.dtype), rtol=0, atol=1e-10)


def test_sensitivity_of_a_pooled_net_is_captums(captum_deconvolution):
    """With switches it is not zero; the same seed gives Captum's figure."""
    pooled = nn.Sequential(*model()[:3], nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 4)).double()
    batch = images()

    def figure(explain):
        torch.manual_seed(1)
        return sensitivity_max(explain, batch, perturb_radius=0.5, n_perturb_samples=5, target=1)

    ours = figure(cdn.DeconvNet(pooled).attribute)
    theirs = figure(lambda inputs, target: captum_deconvolution(pooled, inputs, target))
    assert (ours > 0).any()
    assert_close(ours, theirs, **EXACT)


def test_infidelity_of_a_linear_net_is_zero():
    """Its projection is its weight, which explains every perturbation exactly."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(108, 2)).double()
    batch = images()

    def perturb(inputs):
        noise = torch.randn_like(inputs)
        return noise, inputs - noise

    attributions = cdn.DeconvNet(net).attribute(batch, 1)
    figure = infidelity(net, perturb, batch, attributions, target=1, n_perturb_samples=4)
    assert_close(figure, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-10)


def test_attribution_works_under_no_grad():
    net, batch = model(), images()
    expected = cdn.DeconvNet(net).attribute(batch, 1)
    with torch.no_grad():
        assert torch.equal(cdn.DeconvNet(net).attribute(batch, 1), expected)


def test_attribution_issues_no_warnings():
    """Captum's issues two a call; a warning is an error here, so merely running is the test."""
    net, batch = model(), images()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cdn.DeconvNet(net).attribute(batch, 1)
        cdn.NeuronDeconvNet(net, net[3]).attribute(batch, (0, 0, 0))
        cdn.LayerDeconvNet(net, net[3]).attribute(batch, 1)


# --- errors -----------------------------------------------------------------------------------

BAD_CALLS = {
    "target out of range": lambda explain, batch: explain(batch, 99),
    "target missing": lambda explain, batch: explain(batch),
    "tuple too long": lambda explain, batch: explain(batch, (1, 2)),
    "tuple of twenty": lambda explain, batch: explain(batch, (9999,) * 20),
    "list of the wrong length": lambda explain, batch: explain(batch, [1, 2]),
    "list of inputs": lambda explain, batch: explain([batch], 1),
    "unknown argument": lambda explain, batch: explain(batch, 1, baselines=0),
    "target of a wrong type": lambda explain, batch: explain(batch, "cat"),
}

CAPTUM_RAISES = {
    "target out of range": IndexError,
    "target missing": AssertionError,
    "tuple too long": AssertionError,
    "tuple of twenty": AssertionError,
    "list of the wrong length": AssertionError,
    "list of inputs": AssertionError,
    "unknown argument": TypeError,
    "target of a wrong type": AssertionError,
}


@pytest.mark.parametrize("mistake", BAD_CALLS)
def test_captum_raises_this_and_so_do_we(mistake, captum_deconvolution):
    """Code that catches Captum's errors catches ours."""
    net, batch, call = model(), images(), BAD_CALLS[mistake]
    with pytest.raises(CAPTUM_RAISES[mistake]):
        call(lambda *args, **kwargs: captum_deconvolution(net, *args, **kwargs), batch)
    with pytest.raises(CAPTUM_RAISES[mistake]):
        call(cdn.DeconvNet(net).attribute, batch)


BAD_SELECTORS = {
    "tuple too long": ((1, 2, 3, 4), AssertionError),
    "tuple of twenty": ((9999,) * 20, AssertionError),
    "out of range": ((99, 0, 0), IndexError),
    "too short": ((1,), (RuntimeError, AssertionError)),
    "int on a map": (1, (RuntimeError, AssertionError)),
}


@pytest.mark.parametrize("mistake", BAD_SELECTORS)
def test_captum_raises_this_for_a_bad_neuron_and_so_do_we(mistake, captum_neuron):
    net, batch = model(), images()
    selector, error = BAD_SELECTORS[mistake]
    with pytest.raises(error):
        captum_neuron(net, net[3], batch, selector)
    with pytest.raises(error):
        cdn.NeuronDeconvNet(net, net[3]).attribute(batch, selector)


def test_something_that_is_not_a_module_is_an_assertion_error():
    def function(x):
        return x

    with pytest.raises(AssertionError):
        Deconvolution(function)
    for build in (
        lambda: cdn.DeconvNet(function),
        lambda: cdn.NeuronDeconvNet(function, nn.ReLU()),
        lambda: cdn.LayerDeconvNet(function, nn.ReLU()),
    ):
        with pytest.raises(AssertionError):
            build()


def test_an_unknown_family_is_refused_when_the_class_is_made_or_used():
    with pytest.raises(cdn.errors.UnknownNameError, match="deconvnet"):
        cdn.DeconvNet(model(), relu="deconv").attribute(images(), 1)


# --- state ------------------------------------------------------------------------------------


def state_of(net):
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return (
        [len(getattr(module, hook)) for module in net.modules() for hook in hooks],
        [
            (type(module), module.training, getattr(module, "inplace", 0))
            for module in net.modules()
        ],
        [(p.requires_grad, p.grad, p._version) for p in net.parameters()],
        sorted(vars(net)),
    )


class ModelFaultError(Exception):
    """Raised by the model itself."""


class Faulty(nn.Module):
    def forward(self, x):
        raise ModelFaultError


CALLS = {
    "target": lambda net: (cdn.DeconvNet(net), (2,)),
    "bad target": lambda net: (cdn.DeconvNet(net), (99,)),
    "bad tuple": lambda net: (cdn.DeconvNet(net), ((1, 2, 3),)),
    "neuron": lambda net: (cdn.NeuronDeconvNet(net, net[3]), ((0, 1, 1),)),
    "bad neuron": lambda net: (cdn.NeuronDeconvNet(net, net[3]), ((0, 1, 1, 1),)),
    "layer": lambda net: (cdn.LayerDeconvNet(net, net[3]), (2,)),
    "bad layer target": lambda net: (cdn.LayerDeconvNet(net, net[3]), (99,)),
}


@pytest.mark.parametrize("marked", [False, True], ids=["plain input", "input requires grad"])
@pytest.mark.parametrize("call", CALLS)
def test_model_and_input_are_left_as_found(call, marked):
    """Also after an exception, where Captum leaves the input marked."""
    net, batch = model(), images().requires_grad_(marked)
    net[0].weight.requires_grad_(False)
    before, values = state_of(net), copy.deepcopy(net.state_dict())
    original, version = batch.detach().clone(), batch._version
    explained, arguments = CALLS[call](net)
    if call.startswith("bad"):
        with pytest.raises((IndexError, AssertionError)):
            explained.attribute(batch, *arguments)
    else:
        assert not explained.attribute(batch, *arguments).requires_grad
    assert state_of(net) == before
    assert all(torch.equal(values[name], value) for name, value in net.state_dict().items())
    assert (batch.requires_grad, batch.grad, batch._version) == (marked, None, version)
    assert torch.equal(batch.detach(), original)


def test_captum_itself_leaves_the_input_marked_after_a_bad_target(captum_deconvolution):
    """The fault that the test above guards against (captum.md, section 2)."""
    batch = images()
    with pytest.raises(IndexError):
        captum_deconvolution(model(), batch, 99)
    assert batch.requires_grad


@pytest.mark.parametrize("call", ["target", "neuron", "layer"])
def test_a_fault_of_the_model_arrives_unchanged_and_leaves_nothing(call):
    net, batch = model(), images()
    net[4] = Faulty()
    before = state_of(net)
    explained, arguments = CALLS[call](net)
    with pytest.raises(ModelFaultError):
        explained.attribute(batch, *arguments)
    assert state_of(net) == before
    assert not batch.requires_grad


def test_one_object_can_be_used_again_and_again():
    """Captum's list of hooks grows by every call; ours keeps nothing between calls."""
    net, batch = model(), images()
    explained = cdn.DeconvNet(net)
    first, kept = explained.attribute(batch, 2), sorted(vars(explained))
    for _ in range(3):
        assert torch.equal(explained.attribute(batch, 2), first)
    assert sorted(vars(explained)) == kept
    net[6].weight.data.neg_()
    assert not torch.equal(explained.attribute(batch, 2), first)


def test_an_in_place_relu_changes_neither_the_image_nor_the_answer():
    net, batch = model(), images()
    expected = cdn.DeconvNet(net).attribute(batch, 2)
    net[2], net[4] = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
    assert_close(cdn.DeconvNet(net).attribute(batch, 2), expected, **EXACT)
    first = nn.Sequential(nn.ReLU(inplace=True), *net)
    original = batch.clone()
    cdn.DeconvNet(first).attribute(batch, 2)
    assert torch.equal(batch, original)


def test_results_belong_to_the_caller():
    """Writing into a result must not reach the next one."""
    net, batch = model(), images()
    explained = cdn.DeconvNet(net)
    first = explained.attribute(batch, 2)
    kept = first.clone()
    first.zero_()
    assert torch.equal(explained.attribute(batch, 2), kept)


@pytest.mark.parametrize("relu", ["gradient", "guided", "deconvnet", "adjoint"])
def test_each_family_is_offered_by_the_classes(relu):
    """The net worked out by hand, through the attribution class."""
    lower, upper = nn.Conv2d(2, 3, 1, bias=False).double(), nn.Conv2d(3, 1, 1, bias=False).double()
    lower.weight.data = torch.tensor([[1.0, -1], [2, 1], [-1, 1]]).double()[..., None, None]
    upper.weight.data = torch.tensor([[1.0, -2, 3]]).double()[..., None, None]
    net = nn.Sequential(lower, nn.ReLU(), upper, nn.Flatten())
    image = torch.tensor([2.0, 1.0]).double().view(1, 2, 1, 1)
    expected = {"gradient": [-3, -3], "guided": [1, -1], "deconvnet": [-2, 2], "adjoint": [-6, 0]}
    hand = torch.tensor(expected[relu], dtype=torch.float64)
    assert_close(cdn.DeconvNet(net, relu=relu).attribute(image, 0).flatten(), hand, **EXACT)
    neuron = cdn.NeuronDeconvNet(net, net[2], relu=relu).attribute(image, (0, 0, 0))
    assert_close(neuron.flatten(), hand, **EXACT)


def test_the_gradient_family_is_saliency_without_absolute_values():
    """relu="gradient" against autograd through the whole model."""
    net, batch = model(), images()
    marked = batch.clone().requires_grad_()
    expected = torch.autograd.grad(net(marked)[:, 3].sum(), marked)[0]
    ours = cdn.DeconvNet(net, relu="gradient").attribute(batch, 3)
    assert_close(ours, expected, rtol=1e-12, atol=1e-14)
