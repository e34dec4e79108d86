"""Captum's own tests for Deconvolution and NeuronDeconvolution, with ours in their place.

The models and the generated configurations are Captum's, from the wheel; the cases of its
test_deconvolution.py, test_hook_removal.py and test_targets.py are stated again here.
"""

from __future__ import annotations

import copy

import pytest
import torch
from captum.attr import Deconvolution, NeuronDeconvolution, NoiseTunnel
from captum.testing.attr.helpers.gen_test_utils import get_target_layer, parse_test_config
from captum.testing.attr.helpers.test_config import config
from captum.testing.helpers.basic import set_all_random_seeds
from captum.testing.helpers.basic_models import BasicModel_ConvNet_One_Conv
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

OURS = {Deconvolution: cdn.DeconvNet, NeuronDeconvolution: cdn.NeuronDeconvNet}

# --- test_deconvolution.py --------------------------------------------------------------------

CLOSE = {"rtol": 0, "atol": 0.01}
RAMP = torch.arange(16, dtype=torch.float).view(1, 1, 4, 4)
ONES = torch.ones(1, 1, 4, 4)
EXPECTED = torch.tensor(
    [[2.0, 3.0, 3.0, 1.0], [3.0, 5.0, 5.0, 2.0], [3.0, 5.0, 5.0, 2.0], [1.0, 2.0, 2.0, 1.0]]
).view(1, 1, 4, 4)


@pytest.mark.parametrize("pictures", [(RAMP,), (RAMP, ONES)], ids=["one input", "two inputs"])
def test_simple_conv_net(pictures):
    """Cases 1 and 4: four filters' worth of ones, counted by position."""
    attributions = cdn.DeconvNet(BasicModel_ConvNet_One_Conv()).attribute(pictures, target=0)
    assert len(attributions) == len(pictures)
    for attribution in attributions:
        assert_close(attribution, EXPECTED, **CLOSE)


@pytest.mark.parametrize(
    ("selector", "pictures"),
    [((0,), (RAMP,)), ((slice(0, 1, 1),), (RAMP,)), ((3,), (RAMP, ONES))],
    ids=["one neuron", "a slice of neurons", "two inputs"],
)
def test_simple_conv_net_by_neuron(selector, pictures):
    """Cases 2, 3 and 5."""
    net = BasicModel_ConvNet_One_Conv()
    attributions = cdn.NeuronDeconvNet(net, net.fc1).attribute(pictures, neuron_selector=selector)
    for attribution in attributions:
        assert_close(attribution, EXPECTED, **CLOSE)


@pytest.mark.parametrize("inplace", [False, True])
def test_targets_and_neurons_match(inplace):
    """Case 6, with Captum's in-place variant as well."""
    net, picture = BasicModel_ConvNet_One_Conv(inplace), 100.0 * torch.randn(1, 1, 4, 4)
    attribution = cdn.DeconvNet(net)
    assert not attribution.multiplies_by_inputs
    neuron = cdn.NeuronDeconvNet(net, net.relu2)
    for k in range(4):
        by_target = attribution.attribute(picture, target=k)
        assert_close(by_target, neuron.attribute(picture, (k,)), **CLOSE)


# --- test_hook_removal.py ---------------------------------------------------------------------


def generated(keep):
    """One case per (configuration, algorithm) of Captum's that names one of the two classes."""
    return [
        pytest.param(case, algorithm, id=f"{case['name']}-{OURS[algorithm].__name__}")
        for case in config
        for algorithm in case["algorithms"]
        if algorithm in OURS and keep(case)
    ]


class RaisingModule(nn.Module):
    """A layer that fails when it runs; Captum's has a ReLU in it, so that a hook is set."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, *args):
        raise AssertionError("Raising error on execution")


def explainer(case, model, algorithm):
    layer, tunnel = parse_test_config(case)[3:5]
    arguments = [] if layer is None else [get_target_layer(model, layer)]
    explained = OURS[algorithm](model, *arguments)
    return NoiseTunnel(explained) if tunnel else explained


def assert_no_hooks(model):
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._backward_hooks
        assert not module._forward_pre_hooks


@pytest.mark.parametrize(("case", "algorithm"), generated(lambda case: True))
def test_no_hooks_remain_after_a_normal_run(case, algorithm):
    model, arguments = copy.deepcopy((case["model"], case["attribute_args"]))
    explainer(case, model, algorithm).attribute(**arguments)
    assert_no_hooks(model)


@pytest.mark.parametrize(("case", "algorithm"), generated(lambda case: True))
def test_no_hooks_remain_after_a_bad_target_or_neuron(case, algorithm):
    """An index of twenty numbers must be an AssertionError."""
    model, arguments = copy.deepcopy((case["model"], case["attribute_args"]))
    for name in {"target", "neuron_selector"} & set(arguments):
        arguments[name] = (9999,) * 20
    with pytest.raises(AssertionError):
        explainer(case, model, algorithm).attribute(**arguments)
    assert_no_hooks(model)


@pytest.mark.parametrize(("case", "algorithm"), generated(lambda case: case.get("layer")))
def test_no_hooks_remain_after_a_layer_raised(case, algorithm):
    model, arguments = copy.deepcopy((case["model"], case["attribute_args"]))
    parent, _, name = case["layer"].rpartition(".")
    setattr(model.get_submodule(parent), name, RaisingModule())
    with pytest.raises(AssertionError):
        explainer(case, model, algorithm).attribute(**arguments)
    assert_no_hooks(model)


# --- test_targets.py --------------------------------------------------------------------------


def has_many_targets(case):
    return isinstance(case["attribute_args"].get("target"), list | torch.Tensor)


def rows(value, k):
    """Example ``k`` alone, of whatever carries a batch."""
    if isinstance(value, tuple):
        return tuple(rows(each, k) for each in value)
    return value[k : k + 1] if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize(("case", "algorithm"), generated(has_many_targets))
def test_a_batch_of_targets_is_each_example_by_itself(case, algorithm):
    """Also under NoiseTunnel, seeded alike, and with each target as a list of one."""
    model, arguments = copy.deepcopy((case["model"], case["attribute_args"]))
    explained, tolerance = explainer(case, model, algorithm), case.get("target_delta", 0.0001)
    inputs, targets = arguments["inputs"], arguments["target"]
    count = len(inputs[0] if isinstance(inputs, tuple) else inputs)
    set_all_random_seeds(1234)
    batched = explained.attribute(**arguments)
    extra = arguments.get("additional_forward_args")
    for k in range(count):
        alone = {**arguments, "inputs": rows(inputs, k)}
        if extra is not None:
            alone["additional_forward_args"] = rows(extra, k)
        own = [targets] if len(targets) != count else [targets[k], targets[k : k + 1]]
        for target in own:
            set_all_random_seeds(1234)
            single = explained.attribute(**{**alone, "target": target})
            assert_close(single, rows(batched, k), rtol=0, atol=tolerance)


def test_captum_generates_as_many_cases_as_counted():
    """captum.md, section 3: 5 and 6 of targets for Deconvolution; a later Captum may add more."""
    names = [case["name"] for case in config if Deconvolution in case["algorithms"]]
    many = [
        case for case in config if Deconvolution in case["algorithms"] and has_many_targets(case)
    ]
    assert len(names) >= 13
    assert len(many) >= 11
