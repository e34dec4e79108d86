"""What the options of ``bench run`` say of a net, against what a spec says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from PIL import Image

from captum_deconvnet.cli.group import main

NET = """
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    )
"""
SAID = {"input_size": "24", "mean": "0.5", "std": "0.25", "classes": "classes.txt"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "classes.txt").write_text("cat\ndog\nfox\n")
    (tmp_path / "photos").mkdir()
    drawn = np.random.default_rng(0).integers(0, 255, (30, 30, 3), dtype=np.uint8)
    Image.fromarray(drawn).save(tmp_path / "photos" / "a.png")
    torch.manual_seed(4)
    states = {"0.weight": torch.randn(4, 3, 3, 3), "0.bias": torch.randn(4)}
    states |= {"5.weight": torch.randn(3, 4), "5.bias": torch.randn(3)}
    torch.save(states, "net.pt")
    return tmp_path


def ran(*arguments):
    rest = ["--explainer", "deconvnet", "--metric", "complexity"]
    found = CliRunner().invoke(main, ["bench", "run", *arguments, *rest])
    assert found.exit_code == 0, found.output
    return found


def units(folder):
    return sorted(path.name for path in (folder / "units").rglob("*") if path.is_file())


def test_options_say_of_a_net_what_a_spec_says(folder):
    said = [part for key, value in SAID.items() for part in (f"--{key.replace('_', '-')}", value)]
    model = ["--model", "net.py:build", "--weights", "net.pt"]
    ran(*model, "--images", "photos", "--device", "auto", "--out", "one", *said)
    spec = {"model": "net.py:build", "weights": "net.pt", **SAID}
    content = {"models": [spec], "images": "photos"}
    (folder / "spec.yaml").write_text(yaml.safe_dump(content))
    ran("spec.yaml", "--out", "two")
    assert units(folder / "one") == units(folder / "two") != []
    ran("spec.yaml", "--out", "three", "--mean", "0.1")
    assert units(folder / "three") != units(folder / "one")


def test_explainers_that_fit_a_net_of_ones_own(folder):
    said = ["--weights", "net.pt", "--input-size", "24", "--classes", "classes.txt"]
    arguments = ["bench", "explainers", "deconvnet", "--model", "net.py:build", *said]
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0, found.output
    assert "yes" in found.output
