"""Checkpoint files of every sort: read, or refused with what to save instead."""

from __future__ import annotations

import argparse
import json
import pathlib
import warnings

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from captum_deconvnet.errors import WeightsError
from captum_deconvnet.registry.weights_file import read_checkpoint

HARMLESS = {
    "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs/1")),
    "best": np.float64(0.9),
    "loss": np.float32(0.1),
    "epoch": np.int64(3),
    "history": np.arange(3.0),
    "done": np.bool_(True),
}


class Settings:
    pass


@pytest.fixture
def net():
    torch.manual_seed(7)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_harmless_objects_beside_the_tensors_do_no_harm(net, tmp_path, name):
    path = tmp_path / "w.ckpt"
    torch.save({"state_dict": net.state_dict(), name: HARMLESS[name]}, path)
    found = read_checkpoint(path)
    assert torch.equal(found["state_dict"]["0.weight"], net[0].weight)


def test_reading_leaves_torchs_own_list_of_safe_objects(net, tmp_path):
    before = sorted(map(str, torch.serialization.get_safe_globals()))
    torch.save(net.state_dict(), tmp_path / "w.pt")
    read_checkpoint(tmp_path / "w.pt")
    assert sorted(map(str, torch.serialization.get_safe_globals())) == before


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", ["model", "checkpoint"])
def test_python_objects_are_refused_with_what_to_save(net, tmp_path, kind, zipped):
    content = net if kind == "model" else {"state_dict": net.state_dict(), "hparams": Settings()}
    path = tmp_path / "w.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"save model\.state_dict\(\) instead") as error:
        read_checkpoint(path)
    text = str(error.value)
    assert "\n" not in text
    assert len(text) - len(str(path)) < 560
    assert (".Settings" in text) == (kind == "checkpoint" and zipped)


def test_a_torchscript_archive_is_refused_with_what_to_save(net, tmp_path):
    path = tmp_path / "w.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net.eval(), torch.rand(1, 3, 8, 8)).save(path)
    with pytest.raises(WeightsError, match=r"TorchScript archive.*state_dict\(\)"):
        read_checkpoint(path)


def test_an_old_format_is_read(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(read_checkpoint(tmp_path / "w.pth")["0.bias"], net[0].bias)


def test_shards_are_joined(net, tmp_path):
    weights = net.state_dict()
    for key, value in weights.items():
        safetensors.torch.save_file({key: value}, tmp_path / f"{key}.safetensors")
    index = {"weight_map": {key: f"{key}.safetensors" for key in weights}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    assert read_checkpoint(path).keys() == weights.keys()
    (tmp_path / "0.bias.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"0\.bias\.safetensors does not exist"):
        read_checkpoint(path)
    path.write_text("{}")
    with pytest.raises(WeightsError, match="no index of shards"):
        read_checkpoint(path)
