"""Without an extra, a command says what is missing and what brings it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captum_deconvnet_benchmarks.commands.bench import EXTRAS

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
DISTRIBUTIONS = {
    "pytorch_grad_cam": "grad-cam",
    "scikit_posthocs": "scikit-posthocs",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}
WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None  # as if it were not installed
from captum_deconvnet.cli import main
main()
"""


def deconvnet_without(package, *words):
    command = [sys.executable, "-c", WITHOUT, package, "bench", *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("pyarrow", ("run", "--model", "zfnet/fashion_mnist", "--images", "x", "--out", "{}/run")),
        ("pandas", ("report", "{}")),
        ("scipy", ("selftest",)),
    ],
)
def test_a_command_without_its_extra_ends_in_one_line(package, words, tmp_path):
    result = deconvnet_without(package, *(word.format(tmp_path) for word in words))
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: deconvnet bench {words[0]} needs {package}, which is not installed: "
        f"pip install 'captum-deconvnet[{EXTRAS[package]}]'\n"
    )


@pytest.mark.parametrize("package", sorted(EXTRAS))
def test_the_extra_that_is_named_brings_the_package(package):
    distribution = DISTRIBUTIONS.get(package, package)
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    assert any(line.startswith(f"{distribution}>=") for line in extras[EXTRAS[package]])
