"""``deconvnet gallery``: against the plain model, after a kill, and on bad input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

MODEL = "torchvision/squeezenet1_1"
OPTIONS = ("--layers", "features.2", "--maps", "3", "--k", "4", "--tile", "24")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    return torchvision.models.squeezenet1_1(weights=None).eval()


@pytest.fixture
def weights(net, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(net.state_dict(), path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Six photographs of every kind, one in a folder below, and two files that are none."""
    folder = tmp_path / "photographs"
    (folder / "class").mkdir(parents=True)
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (6, 60, 80, 4), dtype=np.uint8)
    Image.fromarray(noise[0, ..., :3]).save(folder / "colour.png")
    Image.fromarray(noise[1, ..., 0]).save(folder / "grey.jpg")
    Image.fromarray(noise[2]).save(folder / "class" / "transparent.png")
    Image.fromarray(noise[3, ..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(noise[4, ..., :3]).resize((1600, 900)).save(folder / "large.jpg")
    Image.fromarray(noise[5, ..., :3]).save(folder / "last.png")
    (folder / "cut.jpg").write_bytes((folder / "large.jpg").read_bytes()[:3000])
    (folder / "notes.txt").write_text("no image")
    return folder


def pixels(path):
    with Image.open(path) as picture:
        return picture.convert("RGB")


def files(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_the_strongest_images_are_those_of_the_plain_model(
    deconvnet, net, weights, folder, tmp_path
):
    out = tmp_path / "out"
    result = deconvnet("gallery", MODEL, folder, "--weights", weights, *OPTIONS, "--out", out)
    assert result.exit_code == 0, result.output
    assert "left out cut.jpg" in result.stderr
    assert "1 of 7 images left out" in result.stderr
    index = json.loads((out / "index.json").read_text())
    assert index["images"] == 6
    assert index["left_out"] == ["cut.jpg"]
    (layer,) = index["layers"]
    assert layer["sees"] == "a unit sees 7 x 7 pixels of 224 x 224"
    preset = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    names = ["colour.png", "last.png"]  # those that Pillow alone reads as a viewer would
    peaks = {}
    for name in names:
        with torch.no_grad():
            maps = net.features[:3](preset(pixels(folder / name))[None])[0]
        peaks[name] = maps.amax((1, 2))
    for feature_map in layer["maps"]:
        found = {unit["name"]: unit["activation"] for unit in feature_map["top"]}
        assert len(found) == 4
        for name in set(names) & set(found):
            assert found[name] == pytest.approx(
                float(peaks[name][feature_map["channel"]]), rel=1e-4
            )
        activations = [unit["activation"] for unit in feature_map["top"]]
        assert activations == sorted(activations, reverse=True)
    assert pixels(out / "sheets" / "features.2.png").width > 3 * 24
    assert sorted(os.listdir(out)) == ["index.json", "sheets", "top.json", "top.safetensors"]


def test_a_finished_gallery_is_left_alone(deconvnet, weights, folder, tmp_path):
    command = ("gallery", MODEL, folder, "--weights", weights, *OPTIONS, "--out", tmp_path / "out")
    assert deconvnet(*command).exit_code == 0
    before = files(tmp_path / "out")
    result = deconvnet(*command)
    assert "is complete" in result.stderr
    assert files(tmp_path / "out") == before


def test_a_killed_gallery_ends_in_the_same_files(deconvnet, weights, folder, tmp_path):
    command = ["gallery", MODEL, folder, "--weights", weights, *OPTIONS, "--html", "--out"]
    assert deconvnet(*command, tmp_path / "whole").exit_code == 0
    whole, out = files(tmp_path / "whole"), tmp_path / "killed"
    for sign in ("top.safetensors", ".tiles/done.txt", "atlas/images"):
        shutil.rmtree(out, ignore_errors=True)
        kill_at(out / sign, [*map(str, command), str(out)])
        assert not (out / "index.json").exists()
        (out / ".half.json.1.part").write_text("as if killed while it wrote")
        assert deconvnet(*command, out).exit_code == 0
        found = files(out)
        assert sorted(found) == sorted(whole), sign
        assert [name for name in whole if found[name] != whole[name]] == [], sign


def kill_at(sign, command):
    """Run a command and kill it as soon as a file is there."""
    program = "from captum_deconvnet.cli import main; main()"
    run = subprocess.Popen(
        [sys.executable, "-c", program, *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not sign.exists():
        assert run.poll() is None
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()


def test_a_dataset_of_torchvision_is_scanned_too(deconvnet, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.FakeData, "__len__", lambda self: 5)
    out = tmp_path / "out"
    images = "torchvision/FakeData"
    result = deconvnet("gallery", MODEL, images, "--weights", weights, *OPTIONS, "--out", out)
    assert result.exit_code == 0, result.output
    assert json.loads((out / "index.json").read_text())["images"] == 5


def test_a_field_larger_than_the_image_is_said(deconvnet, weights, folder, tmp_path):
    options = ("--layers", "classifier.3", "--maps", "1", "--k", "1", "--tile", "16")
    out = tmp_path / "out"
    result = deconvnet("gallery", MODEL, folder, "--weights", weights, *options, "--out", out)
    assert result.exit_code == 0, result.output
    (layer,) = json.loads((out / "index.json").read_text())["layers"]
    assert "is as large as the image, 224 x 224, or larger" in layer["sees"]


def test_an_empty_folder_is_one_clear_error(fails, tmp_path):
    (tmp_path / "empty").mkdir()
    said = fails(
        "gallery", MODEL, tmp_path / "empty", "--weights", "random", "--out", tmp_path / "o"
    )
    assert "holds no image files" in said


def test_a_folder_that_is_not_there_is_one_clear_error(fails, tmp_path):
    said = fails(
        "gallery", MODEL, tmp_path / "none", "--weights", "random", "--out", tmp_path / "o"
    )
    assert "no folder" in said


def test_an_unknown_dataset_gets_near_names(fails, tmp_path):
    said = fails(
        "gallery", MODEL, "torchvision/CIFAR11", "--weights", "random", "--out", tmp_path / "o"
    )
    assert "CIFAR10" in said


def test_an_output_that_is_a_file_is_one_clear_error(fails, folder, tmp_path):
    (tmp_path / "o").write_text("a file")
    said = fails("gallery", MODEL, folder, "--weights", "random", "--out", tmp_path / "o")
    assert "File exists" in said


def test_a_folder_that_nothing_can_be_written_in_is_one_clear_error(fails, folder):
    said = fails("gallery", MODEL, folder, "--weights", "random", "--out", "/proc/gallery")
    assert "No such file or directory: /proc/gallery" in said


def test_too_little_disk_is_said_before_the_work(fails, folder, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    out = tmp_path / "o"
    said = fails("gallery", MODEL, folder, "--weights", "random", "--out", out)
    assert "0.00 GB free" in said
    assert os.listdir(out) == []


def test_other_images_in_the_same_output_are_refused(deconvnet, weights, folder, tmp_path):
    command = ("gallery", MODEL, folder, "--weights", weights, *OPTIONS, "--out", tmp_path / "out")
    assert deconvnet(*command).exit_code == 0
    (folder / "last.png").unlink()
    result = deconvnet(*command)
    assert result.exit_code == 2
    assert "another model, other weights, layers, images" in result.stderr


def test_the_number_of_maps_is_checked(deconvnet, folder, tmp_path):
    result = deconvnet("gallery", MODEL, folder, "--maps", "0", "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "neither a number of maps nor all" in result.stderr
