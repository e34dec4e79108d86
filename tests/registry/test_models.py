"""Models by name."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.functional import to_tensor

from captum_deconvnet.errors import ModelError, NonFiniteError, UnknownNameError, WeightsError
from captum_deconvnet.registry import (
    Denormalize,
    ImageTransform,
    LoadedModel,
    hookimpl,
    list_models,
    load_model,
)


def small_net():
    torch.manual_seed(7)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3))


def loaded(net, name="any"):
    return LoadedModel(
        name, net, ImageTransform(to_tensor), Denormalize((0,) * 3, (1,) * 3), (3, 8, 8)
    )


class Functional(nn.Module):
    """A net with a convolution and no convolution module."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 3, 3, 3))

    def forward(self, image):
        return F.conv2d(image, self.weight)


class Zoo:
    """A plugin of small nets; remembers what it was asked for."""

    def __init__(self):
        self.asked = []
        self.nets = {
            "small": small_net, "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 2)),
            "functional": Functional, "broken": lambda: 1 / 0, "other": lambda: None,
        }  # fmt: skip

    @hookimpl
    def register_models(self, register):
        register("zoo", list(self.nets), self.load, left_out=lambda: {"dodo": "it is extinct"})

    def load(self, name, weights):
        self.asked.append((name, weights))
        net = self.nets[name]()
        return net if name == "other" else dataclasses.replace(loaded(net), weights=weights)


@pytest.fixture
def zoo(registry):
    plugin = Zoo()
    registry.register(plugin, "zoo")
    return plugin


def test_a_model_comes_in_eval_mode_under_its_full_name(registry, zoo):
    model = load_model("zoo/small", registry=registry)
    assert model.name == "zoo/small"
    assert not any(module.training for module in model.model.modules())
    assert model.stages == ("2", "3")
    assert model.example_input().shape == (1, 3, 8, 8)


def test_names_are_listed_by_pattern(registry, zoo):
    assert list_models("zoo/*l", registry=registry) == ["zoo/functional", "zoo/small"]
    assert list_models("nothing*", registry=registry) == []


@pytest.mark.parametrize("tag", [None, "random", "DEFAULT"])
def test_a_tag_is_the_plugins_affair(registry, zoo, tag):
    assert load_model("zoo/small", tag, registry=registry).weights == tag
    assert zoo.asked == [("small", tag)]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_is_fitted_to_the_plugins_random_model(registry, zoo, tmp_path, as_text):
    path = tmp_path / "weights.pth"
    net = small_net()
    nn.init.constant_(net[0].weight, 0.5)
    torch.save(net.state_dict(), path)
    model = load_model("zoo/small", str(path) if as_text else path, registry=registry)
    assert zoo.asked == [("small", "random")]
    assert model.weights == path
    assert torch.equal(model.model[0].weight, torch.full((4, 3, 3, 3), 0.5))


def test_a_missing_file_is_found_out_before_anything_is_built(registry, zoo):
    with pytest.raises(WeightsError, match="does not exist"):
        load_model("zoo/small", "none.pth", registry=registry)
    assert zoo.asked == []


def test_weights_that_are_neither_tag_nor_path_are_refused(registry, zoo):
    with pytest.raises(WeightsError, match="weights is 3; give a tag, a path, or None"):
        load_model("zoo/small", 3, registry=registry)


def test_an_unknown_name_has_three_near_ones_and_the_plugins(registry, zoo):
    with pytest.raises(UnknownNameError) as error:
        load_model("zoo/smal", registry=registry)
    assert str(error.value).startswith("Unknown model 'zoo/smal'. Nearest: zoo/small, ")
    assert str(error.value).endswith("Loaded plugins: zoo.")
    assert str(error.value).count("zoo/") == 4


def test_an_unknown_name_says_which_plugins_are_not_in_use(registry, zoo):
    registry.register(object(), "wrong")
    with pytest.raises(UnknownNameError, match=r"Loaded plugins: zoo. Not in use: wrong \(Type"):
        load_model("nest/small", registry=registry)


def test_a_tag_in_the_name_is_pointed_out(registry, zoo):
    with pytest.raises(UnknownNameError, match=r"load_model\('zoo/small', weights='a1'\)"):
        load_model("zoo/small.a1", registry=registry)


def test_a_name_that_is_left_out_says_why(registry, zoo):
    with pytest.raises(ModelError, match="zoo/dodo is not offered: it is extinct"):
        load_model("zoo/dodo", registry=registry)


def test_a_net_without_convolution_is_refused(registry, zoo):
    with pytest.raises(ModelError, match="zoo/linear has no convolution"):
        load_model("zoo/linear", registry=registry)


def test_a_convolution_need_not_be_a_module(registry, zoo):
    assert load_model("zoo/functional", registry=registry).name == "zoo/functional"


def test_a_plugin_that_fails_to_build_is_one_clear_line(registry, zoo):
    with pytest.raises(ModelError, match="Plugin 'zoo' could not build zoo/broken: ZeroDivision"):
        load_model("zoo/broken", registry=registry)
    with pytest.raises(ModelError, match="built a NoneType for zoo/other, not a LoadedModel"):
        load_model("zoo/other", registry=registry)


def test_a_net_with_weights_that_are_not_numbers_is_refused(registry, zoo):
    net = small_net()
    nn.init.constant_(net[1].bias, float("nan"))
    zoo.nets["small"] = lambda: net
    with pytest.raises(NonFiniteError, match=r"The model zoo/small has NaN values in '1\.bias'"):
        load_model("zoo/small", registry=registry)
