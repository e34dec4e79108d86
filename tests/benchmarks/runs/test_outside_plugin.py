"""The explainer and the metric that ``plugins/README.md`` shows, installed as a distribution."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captum_deconvnet.registry import process_registry

README = Path(__file__).parents[3] / "plugins/README.md"


@pytest.fixture
def acme(tmp_path, monkeypatch, toy):
    """The README's file under its own entry point, installed by pip and loaded."""
    text = README.read_text()
    (source,) = re.findall(r"```py\n(.*?)```", text, flags=re.DOTALL)
    project, site = tmp_path / "acme", tmp_path / "site"
    project.mkdir()
    (project / "acme_bench.py").write_text(source)
    (pyproject,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    (project / "pyproject.toml").write_text(
        pyproject.replace("deconvnet-acme", "acme-bench").replace("deconvnet_acme", "acme_bench")
    )
    command = f"{sys.executable} -m pip install --no-deps --no-build-isolation --no-index --quiet"
    subprocess.run([*command.split(), "--target", str(site), str(project)], check=True)
    monkeypatch.syspath_prepend(site)
    process_registry.cache_clear()
    yield
    sys.modules.pop("acme_bench", None)


def test_an_outside_explainer_and_metric_are_run_with_the_others(acme, bench, photos):
    ran = bench(explainers=("acme/*", "control/constant"), metrics=("acme/peak",))
    assert ran.code == 0, ran.said
    rows = ran.rows
    assert set(rows[rows.explainer == "control/constant"].value) == {1.0}
    for number, found in enumerate(rows[rows.explainer == "acme/channel"].value):
        rgba = np.asarray(Image.open(photos / f"p{number}.png"))
        red = np.where(rgba[..., 3] == 255, rgba[..., 0], 128)
        assert found == float(red.max()) ** 2
    assert set(rows.metric_parameters) == {'{"power": 2}'}
    info = next(info for info in process_registry().plugins if info.name == "acme")
    assert (info.distribution, info.error) == ("acme-bench", "")
