"""Nets of the user's own: spellings that are understood, and failures in one line."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from captum_deconvnet.errors import CaptumDeconvnetError, ModelError, UnknownNameError, WeightsError
from captum_deconvnet.registry import load_model
from captum_deconvnet.registry.importing import import_path

SOURCE = """
import torch
from torch import nn
from torchvision.transforms.functional import to_tensor
from helper import WIDTH
from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, WIDTH, 3), nn.ReLU(), nn.Conv2d(WIDTH, 2, 3))

def build():
    print("building")
    return Net()

def described():
    zero, one = (0,) * 3, (1,) * 3
    return LoadedModel("mine", Net(), ImageTransform(to_tensor), Denormalize(zero, one), (3, 9, 9))

class Factory:
    make = staticmethod(build)

net = Net()
def needs(depth, width=2, *rest, **more): return Net()
def fails(): return 1 / 0
def leaves(): raise SystemExit(3)
def gives_weights(): return Net().state_dict()
NUMBER = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module, a package, and a helper that both import."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    (tmp_path / "helper.py").write_text("WIDTH = 4\n")
    (tmp_path / "mine.py").write_text(SOURCE)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "helper.py").write_text("WIDTH = 4\n")
    (tmp_path / "deep" / "er" / "my-net.v2.py").write_text(SOURCE)
    package = tmp_path / "pack" / "nets"
    package.mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "blocks.py").write_text("from torch import nn\nconv = nn.Conv2d(3, 2, 3)\n")
    (package / "own.py").write_text(
        "from .blocks import conv\nfrom torch import nn\ndef build(): return nn.Sequential(conv)\n"
    )
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize(
    "name",
    [
        "mine.py:build", "./mine.py:build", "mine:build", "mine.py:Net", "mine.py:net",
        "mine.py:Factory.make", "mine:Factory.make", "mine.py:described",
        "deep/er/my-net.v2.py:build", "{folder}/mine.py:build", "pack/nets/own.py:build",
        "pack.nets.own:build",
    ],
)  # fmt: skip
def test_every_spelling_gives_the_net_in_eval_mode(folder, name, capsys):
    name = name.format(folder=folder)
    loaded = load_model(name)
    assert loaded.name == name
    assert not any(module.training for module in loaded.model.modules())
    assert loaded.model(loaded.example_input()).shape[:2] == (1, 2)
    assert capsys.readouterr().out == ""  # a module's own prints do not mix with results


def test_a_description_of_ones_own_is_kept(folder):
    loaded = load_model("mine.py:described")
    assert loaded.input_size == (3, 9, 9)
    assert loaded.notes == ()
    assert loaded.weights is None


def test_an_edited_file_is_read_again(folder):
    assert load_model("mine.py:build").model[0].out_channels == 4
    (folder / "mine.py").write_text(SOURCE.replace("from helper import WIDTH", "WIDTH = 16"))
    assert load_model("mine.py:build").model[0].out_channels == 16


def test_two_files_of_one_name_do_not_mix(folder):
    (folder / "other").mkdir()
    (folder / "other" / "mine.py").write_text(
        "from torch import nn\ndef build(): return nn.Sequential(nn.Conv2d(1, 7, 3))\n"
    )
    assert load_model("mine.py:build").model[0].out_channels == 4
    assert load_model("other/mine.py:build").model[0].out_channels == 7
    assert load_model("mine.py:build").model[0].out_channels == 4


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("none.py:build", ModelError, ["no file", "none.py"]),
        ("nowhere.nets:build", ModelError, ["Could not import nowhere.nets", "ModuleNotFound"]),
        ("mine.py:buidl", UnknownNameError, ["'buidl'", "Nearest: build"]),
        ("mine:buidl", UnknownNameError, ["Nearest: build"]),
        ("mine.py:Factory.nothing", UnknownNameError, ["Factory.nothing"]),
        ("mine.py", ModelError, ["file.py:function", "Net", "build"]),
        ("mine.py:", ModelError, ["file.py:function", "build"]),
        ("mine.py:needs", ModelError, ["needs arguments (depth)", "return needs(...)"]),
        ("mine.py:fails", ModelError, ["build mine.py:fails", "division by zero", "line "]),
        ("mine.py:leaves", ModelError, ["SystemExit: 3"]),
        ("mine.py:gives_weights", ModelError, ["gives a OrderedDict", "nn.Module"]),
        ("mine.py:NUMBER", ModelError, ["is a int", "function"]),
        ("mine.py:torch", ModelError, ["is a module"]),
        ("broken.py:build", ModelError, ["Could not import broken.py", "SyntaxError"]),
        ("raises.py:build", ModelError, ["ZeroDivisionError", "(raises.py, line 2)"]),
        ("lacks.py:build", ModelError, ["No module named 'kornia_of_mine'"]),
        ("linear.py:build", ModelError, ["linear.py:build has no convolution"]),
    ],
)
def test_every_failure_is_one_clear_line(folder, name, kind, words):
    (folder / "broken.py").write_text("def build(:\n")
    (folder / "raises.py").write_text("\n1 / 0\n")
    (folder / "lacks.py").write_text("import kornia_of_mine\n")
    (folder / "linear.py").write_text(
        "from torch import nn\n"
        "def build(): return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))\n"
    )
    with pytest.raises(kind) as error:
        load_model(name)
    text = str(error.value)
    assert isinstance(error.value, CaptumDeconvnetError)
    assert "\n" not in text
    assert len(text) < 400
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    "name",
    ["torchvision/vgg16", "timm/hf-hub:org/name", "timm/local-dir:a/b", "vgg16", "", "a/b:c"],
)
def test_other_names_are_no_import_paths(name):
    assert import_path(name) is None


def test_an_unknown_name_says_how_to_bring_ones_own():
    with pytest.raises(UnknownNameError, match=r"your own: file\.py:function or package\.module:f"):
        load_model("nest/small")


def test_weights_of_a_file_are_put_into_it(folder):
    weights = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).state_dict()
    torch.save({"model_state": {f"module.{k}": v for k, v in weights.items()}}, "w.pt")
    for loaded in (load_model("mine.py:build", "w.pt"), load_model("mine:Net", weights=weights)):
        assert torch.equal(loaded.model[2].weight, weights["2.weight"])
    with pytest.raises(WeightsError, match="has no weights 'IMAGENET1K_V1'"):
        load_model("mine.py:build", "IMAGENET1K_V1")


def test_a_state_dict_is_given_by_name_and_a_model_is_not_weights(folder):
    net = nn.Conv2d(3, 4, 3)
    for given in ({"by": net.state_dict()}, net.state_dict()):
        with pytest.raises(WeightsError, match="weights=state_dict"):
            load_model("mine.py:build", given)
    with pytest.raises(WeightsError, match=r"weights=model\.state_dict\(\)"):
        load_model("mine.py:build", weights=net)
    with pytest.raises(WeightsError, match="without tensors"):
        load_model("mine.py:build", weights={"lr": 1})
    with pytest.raises(WeightsError, match="given twice"):
        load_model("mine.py:build", "random", weights="random")


def test_the_current_folder_stays_importable_last(folder):
    load_model("mine:build")
    assert sys.path[-1] == str(folder)
