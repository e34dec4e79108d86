"""What is imported, and when: public names late, heavy libraries only by what needs them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torchvision

import captum_deconvnet as cdn
from captum_deconvnet.lazy_names import lazy_names
from captum_deconvnet.registry import registered_names

HEAVY = {"captum", "matplotlib", "numpy", "timm", "torch", "torchvision", "transformers"}
IMPORTED = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
MAIN = "from captum_deconvnet.cli import main; main()"


def heavy_imports(code, *words, **variables):
    """The heavy libraries that are imported when a fresh interpreter ran some code."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORTED + code, *words],
        capture_output=True, text=True, env={**os.environ, **variables}, check=True,
    )  # fmt: skip
    return HEAVY & set(result.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import captum_deconvnet",
        "import captum_deconvnet.cli",
        "import captum_deconvnet as cdn; dir(cdn), cdn.__version__",
        "from captum_deconvnet.registry import hookimpl, list_models; list_models()",
    ],
)
def test_an_import_that_runs_no_model_imports_no_heavy_library(code):
    assert heavy_imports(code) == set()


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["models"], ["models", "timm/*"], ["plugins"]]
)
def test_a_command_that_runs_no_model_imports_no_heavy_library(words):
    assert heavy_imports(MAIN, *words) == set()


def test_shell_completion_imports_no_heavy_library():
    variables = {"COMP_WORDS": "deconvnet pro", "COMP_CWORD": "1"}
    complete = MAIN.replace("main()", "main(prog_name='deconvnet')")
    assert heavy_imports(complete, _DECONVNET_COMPLETE="bash_complete", **variables) == set()


@pytest.mark.parametrize("package", ["captum_deconvnet", "captum_deconvnet.registry"])
def test_every_public_name_can_be_had_and_is_listed(package):
    module = importlib.import_module(package)
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)
    everything = {}
    exec(f"from {package} import *", everything)
    assert set(module.__all__) <= set(everything)


def test_a_public_name_is_what_its_own_module_has_however_it_is_imported():
    from captum_deconvnet import DeconvNet, rules, top_activations
    from captum_deconvnet.attribution import deconvnet
    from captum_deconvnet.engine.rules import user_rules
    from captum_deconvnet.gallery import scan

    assert DeconvNet is cdn.DeconvNet is deconvnet.DeconvNet
    assert rules is cdn.rules is user_rules
    assert top_activations is cdn.top_activations is scan.top_activations


def test_a_name_that_is_not_there_is_the_usual_error():
    with pytest.raises(AttributeError, match="'captum_deconvnet' has no attribute 'DeconvNets'"):
        _ = cdn.DeconvNets
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from captum_deconvnet.registry import nothing")


def test_a_package_has_the_names_of_its_stub(tmp_path, monkeypatch):
    (tmp_path / "late").mkdir()
    (tmp_path / "late/__init__.py").write_text(
        "from captum_deconvnet.lazy_names import lazy_names\n"
        "__getattr__, __dir__, __all__ = lazy_names(__name__, before=lambda: print('first'))\n"
    )
    (tmp_path / "late/__init__.pyi").write_text(
        "import math as numbers\nfrom fractions import Fraction as Ratio\n__all__ = ['Ratio']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    late = importlib.import_module("late")
    assert "Ratio" not in vars(late)
    assert late.Ratio(1, 2) + late.Ratio(1, 2) == 1
    assert (late.numbers.pi > 3, late.__all__) == (True, ["Ratio"])
    assert lazy_names("late").public == ["Ratio"]
    sys.modules.pop("late")


@pytest.mark.parametrize("library", [torchvision.models, timm], ids=["torchvision", "timm"])
def test_a_library_registers_in_its_source_what_it_lists_when_it_is_imported(library):
    package = library.__name__.partition(".")[0]
    assert registered_names(package, "models") == sorted(library.list_models())


def test_a_library_that_is_not_there_registers_nothing():
    assert registered_names("no_such_library", "models") == []


def test_the_stub_is_installed_with_the_package():
    assert Path(cdn.__file__).with_suffix(".pyi").is_file()
