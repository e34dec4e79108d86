"""``deconvnet models`` lists what there is."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torchvision


def names(result):
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def test_all_models_are_listed_one_a_line(deconvnet):
    listed = names(deconvnet("models"))
    assert {"torchvision/vgg16", "timm/resnet50", "offline/craft_vgg16_bn"} <= set(listed)
    assert listed == sorted(listed)


def test_a_word_lists_the_models_that_have_it_in_their_name(deconvnet):
    listed = names(deconvnet("models", "torchvision/vgg"))
    known = torchvision.models.list_models(torchvision.models, include="vgg*")
    assert listed == sorted(f"torchvision/{name}" for name in known)


def test_a_pattern_fits_whole_names(deconvnet):
    assert names(deconvnet("models", "torchvision/vgg1?")) == [
        f"torchvision/vgg{depth}" for depth in (11, 13, 16, 19)
    ]


def test_nothing_that_fits_is_an_error_with_near_names(fails):
    assert "torchvision/squeezenet" in fails("models", "torchvision/squeesenet1_1")


@pytest.mark.parametrize("command", [("layers", "timm/resnet18"), ("models", "timm/")])
def test_a_library_that_is_not_installed_is_one_line_with_the_command_that_installs_it(
    tmp_path, command
):
    hidden = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'timm' else find(name, *a)\n"
        "sys.modules['timm'] = None\n"
        "from captum_deconvnet.cli import main\nmain()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", hidden, *command], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1, result.stderr
    assert "pip install timm" in result.stderr
