"""``deconvnet evolution``: the strongest image at every checkpoint, and the jumps."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

MODEL = "torchvision/squeezenet1_1"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (5, 50, 50, 3), dtype=np.uint8)
    for number, picture in enumerate(noise):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def checkpoints(tmp_path):
    """Two nets with the same weights, and one with the signs of its first filters turned."""
    torch.manual_seed(0)
    net = torchvision.models.squeezenet1_1(weights=None)
    paths = [tmp_path / f"epoch-{number}.pt" for number in (1, 2, 3)]
    torch.save(net.state_dict(), paths[0])
    torch.save(net.state_dict(), paths[1])
    with torch.no_grad():
        net.features[0].weight.neg_()
    torch.save(net.state_dict(), paths[2])
    return paths


def peaks(path, folder, channel):
    """The peak of one map of features.1 on each photograph, by the plain model."""
    net = torchvision.models.squeezenet1_1(weights=None).eval()
    net.load_state_dict(torch.load(path, weights_only=True))
    preset = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    found = {}
    for photograph in sorted(folder.iterdir()):
        with Image.open(photograph) as picture, torch.no_grad():
            maps = net.features[:2](preset(picture.convert("RGB"))[None])
        found[photograph.name] = float(maps[0, channel].max())
    return found


def test_each_checkpoint_has_the_image_of_the_plain_models_peak(
    deconvnet, folder, checkpoints, tmp_path
):
    out = tmp_path / "growth.png"
    result = deconvnet(
        "evolution", *checkpoints, "--model", MODEL, "--images", folder, "--layer", "features.1",
        "--maps", 3, "--tile", 16, "--out", out, "--json", tmp_path / "facts.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert out.exists()
    maps = json.loads((tmp_path / "facts.json").read_text())["maps"]
    assert len(maps) == 3
    for each in maps:
        names = []
        for path, moment in zip(checkpoints, each["history"], strict=True):
            found = peaks(path, folder, each["channel"])
            assert moment["image"] == max(found, key=found.__getitem__)
            assert moment["activation"] == pytest.approx(max(found.values()), rel=1e-5)
            names.append(moment["image"])
        jumps = [False, names[0] != names[1], names[1] != names[2]]
        assert [moment["jumped"] for moment in each["history"]] == jumps
        assert not jumps[1]


def test_several_layers_are_one_clear_error(deconvnet, folder, checkpoints):
    result = deconvnet(
        "evolution", *checkpoints, "--model", MODEL, "--images", folder, "--layer", "a,b"
    )
    assert result.exit_code == 2
    assert "not one layer" in result.stderr


def test_a_checkpoint_that_does_not_fit_is_told_before_the_work(
    deconvnet, folder, checkpoints, tmp_path
):
    torch.save({"a": torch.zeros(1)}, checkpoints[2])
    out = tmp_path / "growth.png"
    result = deconvnet(
        "evolution", *checkpoints, "--model", MODEL, "--images", folder, "--layer", "features.1",
        "--out", out,
    )  # fmt: skip
    assert result.exit_code == 2
    assert "does not fit" in result.stderr
    assert not out.exists()
    assert not (tmp_path / "growth-scans").exists()
