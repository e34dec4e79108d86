"""Nets of the user's own on the command line: any number of channels, and failures in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from captum_deconvnet.registry.importing import ImportPath

NET = """
from torch import nn

def net(channels):
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
    )

def one(): return net(1)
def two(): return net(2)
def three(): return net(3)
def four(): return net(4)
def twelve(): return net(12)

def grey(picture):
    from torchvision.transforms.functional import pil_to_tensor
    return pil_to_tensor(picture.convert("L").resize((24, 20))) / 255
"""
CHANNELS = {"one": 1, "two": 2, "three": 3, "four": 4, "twelve": 12}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(NET)
    generator = np.random.default_rng(5)
    for name, channels in CHANNELS.items():
        folder = tmp_path / name
        folder.mkdir()
        for number in range(2):
            values = generator.random((channels, 30, 26), dtype=np.float32)
            np.save(folder / f"{number}.npy", 1000 * values if channels == 12 else values)
    pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path


@pytest.mark.parametrize("name", CHANNELS)
def test_every_command_takes_arrays_of_any_number_of_channels(workplace, deconvnet, name):
    said = [f"own.py:{name}", "--input-size", 24, "--mean", 0.5, "--std", 0.25]
    for command in (
        ["project", *said, f"{name}/0.npy", "--checks", "--out", "p.png"],
        ["occlude", *said, f"{name}/0.npy", "--window", 8, "--stride", 8, "--out", "o.png"],
        ["gallery", *said, name, "--maps", 2, "--html", "--out", "g"],
        ["invariance", *said, f"{name}/0.npy", "--transform", "rotation", "--values", "0,90"],
        ["layers", *said, "--json"],
    ):
        result = deconvnet(*command)
        assert result.exit_code == 0, (command, result.output)
    assert json.loads(result.stdout)["input_shape"] == [CHANNELS[name], 24, 24]


@pytest.mark.parametrize("name", ["one", "three", "four"])
def test_photographs_are_taken_by_nets_of_one_three_and_four_channels(workplace, deconvnet, name):
    result = deconvnet("project", f"own.py:{name}", "a.png", "--input-size", 24, "--out", "p.png")
    assert result.exit_code == 0, result.output


def test_a_transform_of_ones_own_sets_the_size(workplace, deconvnet):
    own = ["own.py:one", "--transform", "own.py:grey"]
    found = deconvnet("project", *own, "a.png", "--json", "-")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["input_shape"] == [1, 20, 24]
    moved = ["--transform", "rotation", "--values", "0,9", "--out", "i.png"]
    assert deconvnet("invariance", *own, *moved, "a.png").exit_code == 0


def test_evolution_takes_ones_own_net(workplace, deconvnet):
    module = ImportPath("own.py", "").module()
    for number in (1, 2):
        torch.save({"state_dict": module.three().state_dict()}, f"{number}.ckpt")
    said = ["--model", "own.py:three", "--input-size", "24", "--images", "three", "--layer", "3"]
    result = deconvnet("evolution", "1.ckpt", "2.ckpt", *said)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["project", "own.py:twelve", "a.png"], "give an array of that many, as a .npy file"),
        (["project", "own.py:three", "two/0.npy"], "(3, H, W) was expected"),
        (["project", "own.py:three", "none.npy"], "No such file"),
        (["project", "own.py:three", "damaged.npy"], "cannot be read as an array"),
        (["project", "own.py:three", "several.npz"], "it holds 2: a, b"),
        (["project", "own.py:three", "words.npy"], "no array (C, H, W) of real numbers"),
        (["project", "own.py:three", "nan.npy"], "NaN or infinite"),
        (["project", "own.py:three", "a.png", "--mean", "x"], "numbers such as"),
        (["occlude", "own.py:three", "a.png", "--classes", "names.txt"], "2 classes are named"),
        (["gallery", "own.py:thre", "three", "--out", "g"], "Nearest: three"),
        (["layers", "own.py:net"], "needs arguments (channels)"),
        (["project", "own.py:three", "a.png", "--input-size", "1x2"], "does not run"),
        (["project", "own.py:three", "a.png", "--transform", "own.py:gray"], "Nearest: grey"),
    ],
)
def test_what_cannot_be_done_is_one_line(workplace, deconvnet, arguments, words):
    (workplace / "damaged.npy").write_bytes(b"\x93NUMPY\x01")
    np.savez(workplace / "several.npz", a=np.zeros(3), b=np.zeros(3))
    np.save(workplace / "words.npy", np.array([["a", "b"]]))
    np.save(workplace / "nan.npy", np.full((3, 9, 9), np.nan))
    (workplace / "names.txt").write_text("a\nb\n")
    said = [] if "--input-size" in arguments or arguments[0] == "layers" else ["--input-size", "24"]
    if "--transform" in arguments:
        said = []
    result = deconvnet(*arguments, *said)
    assert result.exit_code == 2, result.output
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error"))
    assert words in line
