"""What the runs' tests share: a plugin of its own distribution, pictures, and a way to run."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from captum_deconvnet.cli import main
from captum_deconvnet.registry import process_registry

PLUGIN = (Path(__file__).parent / "toy_plugin.py").read_text()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder with the distribution ``toy``, a plugin."""
    folder = tmp_path_factory.mktemp("site")
    metadata = folder / "toy-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text("[captum_deconvnet]\ntoy = toy_bench\n")
    (folder / "toy_bench.py").write_text(PLUGIN)
    return folder


@pytest.fixture
def toy(site, monkeypatch):
    """The plugin, loaded in this process for one test."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.delenv("TOY_SLEEP", raising=False)
    monkeypatch.delenv("TOY_MEMORY", raising=False)
    process_registry.cache_clear()
    yield
    process_registry.cache_clear()
    sys.modules.pop("toy_bench", None)


@pytest.fixture
def environment(site):
    """The variables with which another process has the plugin."""
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def photos(tmp_path):
    """Seven pictures of 12 by 12 with an object whose mask is their alpha channel."""
    folder = tmp_path / "photos"
    folder.mkdir()
    draw = np.random.default_rng(5)
    for number in range(7):
        pixels = draw.integers(0, 256, (12, 12, 4), dtype=np.uint8)
        pixels[..., 3] = 0
        pixels[2:7, 3 : 5 + number, 3] = 255
        Image.fromarray(pixels).save(folder / f"p{number}.png")
    return folder


@dataclass
class Ran:
    """A run's outcome."""

    out: Path
    code: int
    said: str

    @property
    def bytes(self):
        return (self.out / "scores.parquet").read_bytes(), (self.out / "scores.csv").read_bytes()

    @property
    def rows(self):
        return pq.read_table(self.out / "scores.parquet").to_pandas()

    @property
    def costs(self):
        return pq.read_table(self.out / "costs.parquet").to_pandas()


@pytest.fixture
def bench(toy, photos, tmp_path):
    """Run: ``bench("--explainer", "gradient")``; toy/net, all toy metrics and the photos."""

    def call(*arguments, out="run", explainers=("gradient", "control/random"), metrics=("toy/*",)):
        given = [*(f"--explainer={each}" for each in explainers)]
        given += [f"--metric={each}" for each in metrics]
        given += ["--model=toy/net@random", f"--images={photos}", "--block=3"]
        given += [f"--out={tmp_path / out}", *map(str, arguments)]
        result = CliRunner().invoke(main, ["bench", "run", *given])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return Ran(tmp_path / out, result.exit_code, result.stderr)

    return call
