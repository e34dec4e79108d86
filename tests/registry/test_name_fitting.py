"""A net's tensors in a checkpoint: found in any nest, under any prefix, or refused by name."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from captum_deconvnet.errors import WeightsError
from captum_deconvnet.registry.name_fitting import fit_names


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.layer1 = nn.Sequential(Residual(4), Residual(4))
        self.model = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, 5)


class Wrapped(nn.Module):
    """A net inside a net, as Lightning modules have it."""

    def __init__(self):
        super().__init__()
        self.net = Small()


NETS = {
    "nested": Small,
    "wrapped": Wrapped,
    "list": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)),
    "one block": lambda: nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))),
}
WRAPPERS = ["module.", "model.", "net.", "_orig_mod.", "backbone.", "encoder.", "student.", "0."]
KEYS = ["state_dict", "model_state", "model_state_dict", "model", "net", "network", "ema", "best"]
OTHERS = {
    "epoch": 3,
    "optimizer": {"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 0.1}]},
    "scheduler": {"last_lr": [0.1]},
    "loss": {"criterion": {"weight": torch.ones(5)}},
}


def net_of(kind):
    torch.manual_seed(7)
    return NETS[kind]()


def marked(net):
    return {key: torch.rand_like(value.float()) for key, value in net.state_dict().items()}


def nested(content, keys, beside):
    for key in keys:
        content = {**{name: OTHERS[name] for name in beside}, key: content}
    return content


def assert_is(found, weights):
    assert found.keys() >= weights.keys()
    assert all(found[key] is weights[key] for key in weights)


nests = st.lists(st.sampled_from(KEYS), max_size=3)
prefixes = st.lists(st.sampled_from(WRAPPERS), max_size=4).map("".join)
beside = st.sets(st.sampled_from(sorted(OTHERS)))


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(NETS)), nests, prefixes, beside)
def test_weights_are_found_in_any_nest_under_any_prefix(kind, keys, prefix, others):
    net = net_of(kind)
    weights = marked(net)
    content = nested({prefix + key: value for key, value in weights.items()}, keys, others)
    found = fit_names(content, net.state_dict())
    assert_is(found.tensors, weights)
    assert set(found.tensors) == set(weights)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(nests, prefixes)
def test_weights_of_the_inner_net_fit_the_net_around_it(keys, prefix):
    net = net_of("wrapped")
    weights = marked(net.net)
    content = nested({prefix + key: value for key, value in weights.items()}, keys, ())
    found = fit_names(content, net.state_dict())
    assert_is(found.tensors, {f"net.{key}": value for key, value in weights.items()})


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(prefixes, st.sampled_from(["conv1.weight", "fc.bias", "layer1.1.bn1.running_mean"]))
def test_a_missing_tensor_is_never_made_up(prefix, lost):
    net = net_of("nested")
    weights = marked(net)
    del weights[lost]
    content = {"state_dict": {prefix + key: value for key, value in weights.items()}}
    found = fit_names(content, net.state_dict())
    assert lost not in found.tensors
    assert_is(found.tensors, weights)


def test_wrappers_of_inner_modules_are_dropped_too():
    net = net_of("nested")
    weights = marked(net)
    wrapped = {
        key.replace("layer1.", "layer1._orig_mod.").replace(
            "fc.", "fc._fsdp_wrapped_module."
        ): value
        for key, value in weights.items()
    }
    assert_is(fit_names({"model": wrapped}, net.state_dict()).tensors, weights)


@pytest.mark.parametrize("order", [("model", "ema"), ("ema", "model")])
def test_of_two_that_fit_the_first_is_taken_and_the_other_is_named(order):
    net = net_of("nested")
    both = {key: marked(net) for key in order}
    found = fit_names(both, net.state_dict())
    assert_is(found.tensors, both[order[0]])
    (note,) = found.notes
    assert note == (
        f"weights found under '{order[0]}.'; '{order[1]}.' would fit as well, and the first is "
        "taken"
    )


def test_of_two_the_one_whose_shapes_fit_is_taken():
    net = net_of("nested")
    other = {key: torch.zeros(2, *value.shape) for key, value in net.state_dict().items()}
    both = {"teacher": other, "student": marked(net)}
    found = fit_names(both, net.state_dict())
    assert found.prefix == "student."
    assert found.rivals == ()


def test_students_and_teachers_in_one_dictionary_are_told_apart():
    net = net_of("nested")
    student, teacher = marked(net), marked(net)
    mixed = {f"student.{k}": v for k, v in student.items()}
    mixed |= {f"teacher.{k}": v for k, v in teacher.items()}
    found = fit_names(mixed, net.state_dict())
    assert_is(found.tensors, student)
    assert found.rivals == ("teacher.",)
    assert found.beside == tuple(k for k in mixed if k.startswith("teacher.") and "num_" not in k)


def test_a_plain_state_dict_needs_no_word():
    net = net_of("nested")
    assert fit_names(marked(net), net.state_dict()).notes == ()


def test_what_is_beside_the_net_is_counted():
    net = net_of("nested")
    content = {f"model.{key}": value for key, value in marked(net).items()}
    content["criterion.weight"] = torch.ones(3)
    assert fit_names(content, net.state_dict()).notes == (
        "weights found under 'model.'",
        "1 tensor beside them not used, such as criterion.weight",
    )


def test_load_model_says_under_which_prefix_it_looked(tmp_path):
    from captum_deconvnet.registry import load_model

    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def build(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))\n"
    )
    torch.save({"state_dict": {"model.0.weight": torch.zeros(4, 3, 3, 3)}}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"5 missing|4 missing|.*looked for under"):
        load_model(f"{tmp_path}/net.py:build", tmp_path / "w.pth")
