"""Sizes of inputs, pictures and arrays of any number of channels, and names of classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from captum_deconvnet.errors import ImageError, ModelError
from captum_deconvnet.registry import load_model
from captum_deconvnet.registry.class_names import class_names
from captum_deconvnet.registry.input_size import input_size
from captum_deconvnet.registry.picture_transform import InverseTransform, PictureTransform
from captum_deconvnet.registry.preparation import Preparation


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 5, 3, 3))

    def forward(self, image):
        return F.conv2d(image, self.weight)


def fixed(side, channels=3):
    """A net that runs on one size alone."""
    features = nn.Sequential(nn.Conv2d(channels, 2, 3, stride=2, padding=1), nn.ReLU())
    return nn.Sequential(features, nn.Flatten(), nn.Linear(2 * (side // 2) ** 2, 4)).eval()


def open_size(channels=3, kind=nn.Conv2d):
    return nn.Sequential(kind(channels, 2, 3), nn.ReLU(), kind(2, 2, 1)).eval()


@pytest.mark.parametrize(
    ("net", "given", "size"),
    [
        (open_size(), None, (3, 224, 224)),
        (open_size(1), None, (1, 224, 224)),
        (open_size(12), None, (12, 224, 224)),
        (fixed(32), None, (3, 32, 32)),
        (fixed(28, 1), None, (1, 28, 28)),
        (fixed(64, 2), None, (2, 64, 64)),
        (Functional(), None, (5, 224, 224)),
        (nn.Sequential(nn.LazyConv2d(2, 3), nn.ReLU()).eval(), None, (3, 224, 224)),
        (open_size(2, nn.Conv1d), None, (2, 224)),
        (open_size(1, nn.Conv3d), None, (1, 16, 112, 112)),
        (open_size(), "3x40x48", (3, 40, 48)),
        (open_size(4), "40x48", (4, 40, 48)),
        (open_size(1), "28", (1, 28, 28)),
        (open_size(1), 28, (1, 28, 28)),
        (open_size(2), (2, 9, 9), (2, 9, 9)),
        (open_size(2, nn.Conv1d), "50", (2, 50)),
    ],
)
def test_the_size_is_as_given_or_the_first_usual_one_that_runs(net, given, size):
    assert input_size(net, given, "it") == size
    assert net(torch.zeros(1, *size)).shape[0] == 1


@pytest.mark.parametrize(
    ("net", "given", "words"),
    [
        (fixed(100), None, "does not run on an input of 3x224x224, 3x32x32"),
        (fixed(100), 64, "Is --input-size right"),
        (open_size(), "3xbig", "is no input size"),
        (open_size(), "0", "is no input size"),
        (open_size(), "1x2x3x4x5", "is no input size"),
    ],
)
def test_a_size_that_cannot_be_is_one_clear_line(net, given, words):
    with pytest.raises(ModelError, match=words) as error:
        input_size(net, given, "it")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("given", ["L", "RGB", "RGBA"])
def test_a_picture_of_any_mode_becomes_the_channels_of_the_net(channels, mode, given):
    pixels = np.random.default_rng(3).integers(0, 256, (6, 6, 4), dtype=np.uint8)
    picture = Image.fromarray(pixels).convert(given)
    transform = PictureTransform((channels, 6, 6), (0.25,) * channels, (0.5,) * channels)
    by_hand = np.asarray(picture.convert(mode), dtype=np.float32).reshape(6, 6, channels)
    found = transform(picture)
    assert torch.allclose(found, (torch.tensor(by_hand).permute(2, 0, 1) / 255 - 0.25) / 0.5)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 12])
def test_an_array_is_taken_as_it_is_and_standardised_by_channel(channels):
    mean = tuple(float(number) for number in range(channels))
    transform = PictureTransform((channels, 5, 5), mean, (2.0,) * channels)
    values = torch.randn(channels, 5, 5) * 100
    assert torch.equal(transform(values), (values - torch.tensor(mean).view(-1, 1, 1)) / 2)
    assert torch.equal(transform(values[None]), transform(values))


def test_a_picture_is_scaled_to_cover_the_input_and_its_middle_is_taken():
    wide = torch.zeros(1, 20, 60)
    wide[:, :, 20:40] = 1
    assert torch.equal(PictureTransform((1, 20, 20), (0,), (1,))(wide), torch.ones(1, 20, 20))
    assert PictureTransform((1, 7, 9), (0,), (1,))(wide).shape == (1, 7, 9)


@pytest.mark.parametrize("shape", [(5, 5, 12), (11, 5, 5), (5, 5), (2, 12, 5, 5)])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(ImageError, match=r"\(12, H, W\) was expected"):
        PictureTransform((12, 5, 5), (0,) * 12, (1,) * 12)(torch.zeros(shape))


def test_a_picture_cannot_be_twelve_channels():
    with pytest.raises(ImageError, match=r"give an array of that many, as a \.npy file"):
        PictureTransform((12, 5, 5), (0,) * 12, (1,) * 12)(Image.new("RGB", (5, 5)))


def test_inputs_are_shown_as_colours_and_stretched_where_they_are_none():
    shown = InverseTransform((0.5,) * 3, (0.25,) * 3)
    colours = torch.rand(3, 4, 4)
    assert torch.allclose(shown((colours - 0.5) / 0.25), colours, atol=1e-6)
    measured = torch.stack([torch.full((4, 4), 1000.0 * n) for n in range(3)])
    assert InverseTransform((0,) * 3, (1,) * 3)(measured).amax((1, 2)).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("dog\ncat\n\n", "c.txt"),
        (json.dumps(["dog", "cat"]), "c.json"),
        (json.dumps({"0": "dog", "1": "cat"}), "c.json"),
        (json.dumps({"cat": 1, "dog": 0}), "c.json"),
        (json.dumps({"0": ["n1", "dog"], "1": ["n2", "cat"]}), "index.txt"),
        (json.dumps({"id2label": {"1": "cat", "0": "dog"}, "other": 3}), "config.json"),
    ],
)
def test_class_names_are_read_from_lines_lists_and_dictionaries(tmp_path, content, name):
    path = tmp_path / name
    path.write_text(content)
    assert class_names(path) == class_names(str(path)) == ("dog", "cat")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no names"),
        (b"{}", "holds no names"),
        (b'{"0": "a", "2": "b"}', "not numbered 0 to 1"),
        (b'{"a": "b"}', "has 'a' where a class number belongs"),
        (b"[1,", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_class_file_that_names_no_classes_is_one_clear_line(tmp_path, content, words):
    path = tmp_path / "classes"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        class_names(path)


def test_everything_said_of_a_plugins_model_replaces_its_own():
    loaded = load_model(
        "torchvision/squeezenet1_1", "random", input_size=64, mean=0.5, std="0.25 0.25 0.5",
        classes=[f"class {n}" for n in range(1000)],
    )  # fmt: skip
    assert loaded.input_size == (3, 64, 64)
    assert loaded.transform(Image.new("RGB", (80, 70), "white"))[:, 3, 3].tolist() == [2, 2, 1]
    assert loaded.categories[7] == "class 7"


def test_a_size_alone_keeps_the_models_mean_and_deviation():
    plain = load_model("torchvision/squeezenet1_1", "random")
    small = load_model("torchvision/squeezenet1_1", "random", input_size=32)
    grey = Image.new("RGB", (300, 300), (90, 120, 150))
    assert torch.allclose(small.transform(grey)[:, 5, 5], plain.transform(grey)[:, 5, 5])


def test_a_transform_of_ones_own_is_used_and_undone():
    def prepare(picture):
        pixels = torch.tensor(np.asarray(picture.resize((10, 8)))).permute(2, 0, 1) / 127.5
        return pixels.flip(0) - 1

    loaded = Preparation(transform=prepare).described("it", open_size())
    assert loaded.input_size == (3, 8, 10)
    picture = Image.new("RGB", (10, 8), (10, 20, 30))
    found = loaded.transform(picture)
    assert torch.allclose(found[:, 0, 0], torch.tensor([30, 20, 10]) / 127.5 - 1)
    assert torch.allclose(loaded.inverse_transform(found), (found + 1) / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"mean": (0.5, 0.5)}, "mean has 2 numbers, and the net takes 3 channels"),
        ({"std": 0}, "deviations above 0"),
        ({"mean": "grey"}, "numbers such as"),
        ({"classes": ["a", "b"]}, "2 classes are named, and it has 4"),
        ({"transform": "standard"}, "is no import path"),
        ({"transform": lambda picture: 1 / 0, "input_size": None}, "division by zero"),
    ],
)
def test_what_does_not_fit_the_net_is_one_clear_line(said, words):
    with pytest.raises(ModelError, match=words):
        Preparation(**({"input_size": 32} | said)).described("it", fixed(32))


def test_a_transform_that_gives_no_tensor_is_named():
    with pytest.raises(ImageError, match="a tensor \\(C, H, W\\) of floating point"):
        Preparation(transform=np.asarray).described("it", open_size())
