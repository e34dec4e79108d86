"""What the wheel and the source distribution hold: built here, and looked into."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

import captum_deconvnet as cdn

pytest.importorskip("hatchling", reason="the extra test brings hatchling")
ROOT = Path(__file__).parents[1]
PACKAGES = {
    "captum_deconvnet": "captum_deconvnet",
    "captum_deconvnet_torchvision": "plugins/captum_deconvnet_torchvision",
    "captum_deconvnet_timm": "plugins/captum_deconvnet_timm",
    "captum_deconvnet_transformers": "plugins/captum_deconvnet_transformers",
    "captum_deconvnet_offline": "plugins/captum_deconvnet_offline",
    "captum_deconvnet_zfnet": "plugins/captum_deconvnet_zfnet",
    "captum_deconvnet_benchmarks": "benchmarks/captum_deconvnet_benchmarks",
}
ABOUT = f"captum_deconvnet-{cdn.__version__}.dist-info"
LARGEST = 16 * 2**20

pytestmark = pytest.mark.skipif(
    not all((ROOT / place).is_dir() for place in PACKAGES.values()),
    reason="the sources are not beside the tests",
)


def build(source, folder):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(built[0]) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def sdist(built):
    with tarfile.open(built[1]) as file:
        names = [member.name for member in file.getmembers() if member.isfile()]
    return {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in names}


def test_a_wheel_installs_our_packages_and_nothing_else_at_the_top(wheel):
    assert {name.partition("/")[0] for name in wheel} == {*PACKAGES, ABOUT}


def test_a_wheel_has_every_file_of_the_packages_and_no_tests(wheel):
    ours = {
        f"{package}/{path.relative_to(ROOT / place).as_posix()}"
        for package, place in PACKAGES.items()
        for path in (ROOT / place).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel if not name.startswith(ABOUT)} == ours
    assert not [name for name in wheel if {"tests", "conftest.py"} & set(PurePosixPath(name).parts)]


def test_a_wheel_has_licences_weights_and_types(wheel):
    weights = "captum_deconvnet_zfnet/weights/fashion_mnist.safetensors"
    assert len(wheel[weights]) > 10**6
    assert b"Copyright" in wheel[f"{ABOUT}/licenses/LICENSE"]
    assert wheel["captum_deconvnet_zfnet/samples/LICENSE"]
    assert wheel["captum_deconvnet_zfnet/weights/README.md"]
    assert {"captum_deconvnet/__init__.pyi", "captum_deconvnet/registry/__init__.pyi"} <= set(wheel)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel)


def test_a_wheel_is_small_and_the_same_whenever_it_is_built(built, tmp_path):
    assert built[0].stat().st_size < LARGEST
    assert build(ROOT, tmp_path)[0].read_bytes() == built[0].read_bytes()


def test_a_wheel_says_what_it_needs_and_what_it_offers(wheel):
    about = Parser().parsestr(wheel[f"{ABOUT}/METADATA"].decode())
    needed = {each.partition(">")[0] for each in about.get_all("Requires-Dist") if ";" not in each}
    assert {"captum", "timm", "torch", "torchvision"} <= needed
    assert about["License-Expression"] == "BSD-3-Clause"
    assert about.get_payload().startswith("# captum-deconvnet")
    offered = wheel[f"{ABOUT}/entry_points.txt"].decode()
    assert "deconvnet = captum_deconvnet.cli:main" in offered
    assert all(f" = {package}\n" in offered for package in PACKAGES if package != cdn.__name__)


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {cdn.__version__}\n" in citation


def test_a_source_distribution_builds_the_same_wheel(built, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(built[1].read_bytes())) as file:
        file.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = tmp_path.iterdir()
    again, _ = build(source, tmp_path / "dist")
    with zipfile.ZipFile(again) as ours, zipfile.ZipFile(built[0]) as first:
        assert {name: ours.read(name) for name in ours.namelist()} == {
            name: first.read(name) for name in first.namelist()
        }


def test_a_source_distribution_has_tests_documents_and_licence_and_only_what_git_has(sdist):
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"} <= sdist
    assert {"SECURITY.md", ".ci/wheel"} <= sdist
    assert {"tests/conftest.py", "tests/test_distribution.py", "docs/occlusion.md"} <= sdist
    assert {"plugins/captum_deconvnet_zfnet/samples/LICENSE"} <= sdist
    if (ROOT / ".git").exists():
        tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).split("\n")
        assert sdist - {"PKG-INFO"} <= {*tracked}
