"""Every command on nets for pictures of 1, 2, 3, 4 and 12 channels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import captum_deconvnet as cdn
from captum_deconvnet.occlusion.annotations import seen_box
from captum_deconvnet.pictures.display import bands, rgb, shown_bands

NETS = Path(__file__).with_name("toy_nets.py")
CHANNELS = (1, 2, 3, 4, 12)
PLAIN = """from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d({channels}, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    )
"""
COMMANDS = {
    "project": ("IMAGE", "--select", "both", "--checks", "--relu", "guided", "--out", "figure.png"),
    "occlude": ("IMAGE", "--window", "10", "--stride", "10", "--other", "IMAGE", "--out", "o.png"),
    "invariance": ("IMAGE", "--transform", "rotation", "--values", "0,90", "--out", "i.png"),
    "gallery": ("FOLDER", "--maps", "2", "--k", "2", "--html", "--tile", "16", "--out", "gallery"),
    "correspond": ("BOXES", "--random", "2"),
    "layers": (),
}


@pytest.fixture
def folder(photograph, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with Image.open(photograph) as picture:
        for number in range(2):
            picture.rotate(90 * number).save(folder / f"{number}.png")
    boxes = {"images": ["0.png", "1.png"], "parts": {"ring": [[100, 100, 60, 60]] * 2}}
    (folder / "boxes.json").write_text(json.dumps(boxes))
    return folder


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works_for_any_number_of_channels(
    deconvnet, folder, tmp_path, monkeypatch, command, channels
):
    monkeypatch.chdir(tmp_path)
    paths = {"IMAGE": folder / "0.png", "FOLDER": folder, "BOXES": folder / "boxes.json"}
    options = [paths.get(option, option) for option in COMMANDS[command]]
    result = deconvnet(command, f"{NETS}:net_{channels}", *options)
    assert result.exit_code == 0, (result.output, result.exception)
    if command == "gallery":
        index = json.loads((tmp_path / "gallery" / "index.json").read_text())
        assert index["colours"] == shown_bands(channels)
        with Image.open(tmp_path / "gallery" / "atlas" / "images" / "0.jpg") as seen:
            assert (seen.size, seen.mode) == ((20, 20), "RGB")


@pytest.mark.parametrize("kind", ["npy", "npz", "pt", "bytes"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_correspondence_of_arrays_of_any_number_of_channels(deconvnet, tmp_path, channels, kind):
    drawn = np.random.default_rng(1)
    names = []
    for number in range(2):
        pixels = drawn.random((channels, 20, 20), dtype=np.float32)
        name = tmp_path / f"{number}.{'npy' if kind == 'bytes' else kind}"
        if kind == "pt":
            torch.save(torch.from_numpy(pixels), name)
        elif kind == "npz":
            np.savez(name, pixels)
        else:
            np.save(name, pixels if kind == "npy" else (255 * pixels).astype(np.uint8))
        names.append(name.name)
    boxes = {"images": names, "parts": {"corner": [[2, 3, 6, 5], [8, 9, 6, 5]]}}
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    (tmp_path / "net.py").write_text(PLAIN.format(channels=channels))
    size = f"{channels}x20x20"
    model = [f"{tmp_path / 'net.py'}:build", tmp_path / "boxes.json", "--input-size", size]
    result = deconvnet("correspond", *model, "--layers", "1")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "corner" in result.output


@pytest.mark.parametrize("like", ["picture", "bytes", "floats"])
def test_a_box_of_an_array_is_where_that_of_a_picture_is(tmp_path, like):
    (tmp_path / "net.py").write_text(PLAIN.format(channels=1))
    loaded = cdn.load_model(f"{tmp_path / 'net.py'}:build", input_size="1x20x30")
    kinds = {
        "picture": Image.new("RGB", (60, 40)),
        "bytes": torch.zeros(1, 40, 60, dtype=torch.uint8),
        "floats": torch.rand(1, 40, 60),
    }
    assert seen_box(loaded, kinds[like], cdn.Box(10, 20, 18, 32)) == cdn.Box(5, 10, 9, 16)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(1, [[0, 0, 0]]), (2, [[0.5] * 3]), (3, [[0, 1, 2]]), (4, [[0, 1, 2]]), (12, [[0, 1, 2]])],
)
def test_what_is_shown_of_channels(channels, expected):
    picture = np.arange(channels, dtype=float).reshape(1, 1, channels)
    assert rgb(picture)[0].tolist() == expected
    assert bands(picture).shape[-1] in (1, 3)
    assert bool(shown_bands(channels)) == (channels not in (1, 3))
