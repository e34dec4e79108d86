"""Weights files: what fits is loaded, and what does not is named."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from torch import nn

from captum_deconvnet.errors import NonFiniteError, WeightsError
from captum_deconvnet.registry import fit, read_state_dict
from captum_deconvnet.registry.weights_file import is_path


def small_net():
    torch.manual_seed(7)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3))


class Anything:
    pass


@pytest.fixture
def weights():
    return {key: torch.rand_like(value.float()) for key, value in small_net().state_dict().items()}


@pytest.fixture
def saved(tmp_path):
    def save(content, name="weights.pth"):
        path = tmp_path / name
        if path.suffix == ".safetensors":
            safetensors.torch.save_file(content, path)
        else:
            torch.save(content, path)
        return path

    return save


def assert_loads(path, weights):
    net = small_net()
    fit(net, read_state_dict(path), path)
    for key, value in net.state_dict().items():
        assert torch.equal(value, weights[key].to(value.dtype)), key


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "weights.safetensors"])
def test_a_state_dict_is_loaded(saved, weights, name):
    assert_loads(saved(weights, name), weights)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_in_a_checkpoint_is_found(saved, weights, key):
    assert_loads(saved({key: weights, "epoch": 3}), weights)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_the_prefixes_of_wrappers_are_dropped(saved, weights, prefix):
    assert_loads(saved({prefix + key: value for key, value in weights.items()}), weights)


def test_a_count_of_batches_may_be_missing(saved, weights):
    path = saved({k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")})
    net = small_net()
    fit(net, read_state_dict(path), path)
    assert torch.equal(net[0].weight, weights["0.weight"])


def test_half_precision_weights_are_cast_to_the_models_type(saved, weights):
    path = saved({key: value.half() for key, value in weights.items()})
    net = small_net()
    fit(net, read_state_dict(path), path)
    assert net[0].weight.dtype == torch.float32
    assert torch.equal(net[0].weight, weights["0.weight"].half().float())


def test_missing_unexpected_and_reshaped_keys_are_counted_and_named(saved, weights):
    for key in ("0.weight", "0.bias", "1.weight", "1.bias"):
        del weights[key]
    weights |= {"fc.weight": torch.zeros(2), "3.weight": torch.zeros(5, 4, 3, 3)}
    net, path = small_net(), saved(weights)
    before = net[1].running_mean.clone()
    with pytest.raises(WeightsError) as error:
        fit(net, read_state_dict(path), path)
    assert str(error.value) == (
        f"The weights file {path} does not fit Sequential, which has 9 tensors: "
        "4 missing (0.weight, 0.bias, 1.weight, ...); 1 unexpected (fc.weight); "
        "1 of another shape (3.weight is 5x4x3x3 where the model has 2x4x3x3)."
    )
    assert torch.equal(net[1].running_mean, before)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pth does not exist"):
        read_state_dict(tmp_path / "none.pth")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(WeightsError, match="is a folder, not a file"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_file_is_one_clear_line(saved, weights, name, keep):
    path = saved(weights, name)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 and keep else keep])
    with pytest.raises(
        WeightsError, match=r"is cut short, damaged, or no weights file: ."
    ) as error:
        read_state_dict(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_that_is_something_else_is_one_clear_line(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"<html>404: not found, although the server says it is fine</html>" * 9)
    with pytest.raises(WeightsError, match="no weights file") as error:
        read_state_dict(path)
    assert "\n" not in str(error.value)


def test_a_pickled_model_is_not_executed(saved):
    with pytest.raises(WeightsError, match=r"save model.state_dict\(\) instead"):
        read_state_dict(saved(small_net()))
    with pytest.raises(WeightsError, match="Python objects besides tensors"):
        read_state_dict(saved({"anything": Anything()}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list, not a state dict"),
        ({}, "holds nothing, not a state dict"),
        (torch.zeros(3), "holds a Tensor, not a state dict"),
        ({"lr": 0.1, "epoch": 3}, "is not a state dict: lr, epoch is no tensor"),
    ],
)
def test_a_file_without_a_state_dict_says_what_it_holds(saved, content, message):
    with pytest.raises(WeightsError, match=message):
        read_state_dict(saved(content))


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_weights_that_are_not_numbers_are_refused_by_name(saved, weights, value, kind):
    weights["3.bias"][1] = value
    with pytest.raises(NonFiniteError, match=f"has {kind} values in '3.bias'"):
        read_state_dict(saved(weights))


def test_a_tag_is_not_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random").mkdir()
    tags = [None, "DEFAULT", "random", "IMAGENET1K_V1", "a1_in1k", "fb_swsl_ig1b_ft_in1k"]
    assert not any(is_path(tag) for tag in tags)
    assert all(map(is_path, [tmp_path, "w.pth", "w.safetensors", "./weights", "runs/last.ckpt"]))


def test_a_plain_module_without_state_fits_only_an_empty_list(saved, weights):
    path = saved(weights)
    with pytest.raises(WeightsError, match="8 unexpected"):
        fit(nn.ReLU(), read_state_dict(path), path)
