"""The plugin that ``plugins/README.md`` shows, built, installed and used as an outsider's."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "plugins/README.md"

USE = """
import torch
import captum_deconvnet as cdn
from captum_deconvnet.registry import process_registry

info = next(info for info in process_registry().plugins if info.name == "acme")
assert (info.distribution, info.version, info.error) == ("deconvnet-acme", "0.1", ""), info
assert cdn.list_models("acme/*") == ["acme/squares"]
loaded = cdn.load_model("acme/squares")
assert loaded.stages == ("1", "2")

# One row of pixels: red 1 and -2. The first convolution gives (red, -red), the activation squares
# what is positive, and the last gives first - 3 * second: 1 and -12.
state = {key: torch.zeros_like(value) for key, value in loaded.model.state_dict().items()}
state["0.weight"][:, 0] = torch.tensor([1.0, -1.0]).view(2, 1, 1)
state["2.weight"][0] = torch.tensor([1.0, -3.0]).view(2, 1, 1)
loaded.model.load_state_dict(state)
image = torch.zeros(1, 3, 1, 2)
image[0, 0, 0] = torch.tensor([1.0, -2.0])

recording = cdn.record(loaded.model, image, "2", strict=True)
assert recording.output.flatten().tolist() == [1.0, -12.0]
(unit,) = recording.strongest("2")
assert (unit.column, unit.value) == (0, 1.0)

# Back from a seed of 1: the signals 1 and -3 are rectified to 1 and 0, so red is 1. The gradient
# of a square would give 2, and no rectifier at all 1 + 3 = 4.
projection = recording.project([unit], seed=1.0)
assert projection[0, 0, 0].tolist() == [1.0, 0.0], projection
assert projection[0, 1:].abs().sum() == 0
assert [(e.operation, e.kind) for e in recording.receipt.entries if e.module == "1"] == [
    ("SquaredReLU", "extension")
]
print("right")
"""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The README's two files, installed as a distribution in a folder of their own."""
    project, target = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    (project / "deconvnet_acme.py").write_text(blocks("python")[0])
    (project / "pyproject.toml").write_text(blocks("toml")[0])
    command = f"{sys.executable} -m pip install --no-deps --no-build-isolation --no-index"
    run = subprocess.run(
        [*command.split(), "--quiet", "--target", str(target), str(project)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return {**os.environ, "PYTHONPATH": str(target)}


def test_the_module_has_at_most_twenty_lines():
    (source,) = blocks("python")
    assert len([line for line in source.splitlines() if line.strip()]) <= 20
    names = {node.name for node in ast.walk(ast.parse(source)) if hasattr(node, "name")}
    assert {"SquaredReLU", "load", "register_models", "register_rules"} <= names


def test_an_outside_plugin_lists_loads_and_projects_right(installed):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE],
        capture_output=True, text=True, check=False, env=installed,
    )  # fmt: skip
    assert (run.stdout.strip(), run.stderr) == ("right", "")


def test_without_its_plugin_the_model_is_unknown(installed):
    script = (
        "import captum_deconvnet as cdn\ntry:\n    cdn.load_model('acme/squares')\n"
        "except cdn.errors.UnknownNameError as error:\n    print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False,
        env={**installed, "DECONVNET_PLUGINS": "torchvision"},
    )  # fmt: skip
    assert run.stdout.startswith("Unknown model 'acme/squares'."), run.stderr
    assert run.stdout.strip().endswith("Loaded plugins: torchvision.")
