"""What commands say of their pictures: the class, pictures of the weights alone, nothing to see."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.pictures.prediction import predictions, probabilities
from captum_deconvnet.registry import LoadedModel

NETS = Path(__file__).with_name("toy_nets.py")
FIXED = "no max pool on the way: this picture does not depend on the image"


class Gated(nn.Module):
    """A squeeze-and-excite block."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x)


class Masked(nn.Module):
    """What is below the mean is left out."""

    def forward(self, x):
        return torch.where(x > x.mean(), x, torch.zeros_like(x))


class Scaled(nn.Module):
    """A parameter for each map."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(4, 1, 1) + 0.5)

    def forward(self, x):
        return x * self.scale


MIDDLES = {
    "nothing": (nn.Identity, False),
    "average pool": (lambda: nn.AvgPool2d(2), False),
    "batch norm": (lambda: nn.BatchNorm2d(4).eval(), False),
    "layer scale": (Scaled, False),
    "leaky": (nn.LeakyReLU, False),
    "gelu": (nn.GELU, False),
    "dropout": (nn.Dropout, False),
    "local response": (lambda: nn.LocalResponseNorm(3), False),
    "reflected": (lambda: nn.ReflectionPad2d(1), False),
    "interpolated": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), False),
    "max pool": (lambda: nn.MaxPool2d(2), True),
    "adaptive max pool": (lambda: nn.AdaptiveMaxPool2d(4), True),
    "gate": (Gated, True),
    "group norm": (lambda: nn.GroupNorm(2, 4), True),
    "instance norm": (lambda: nn.InstanceNorm2d(4), True),
    "mask": (Masked, True),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_a_picture_that_depends_on_no_image_is_told_from_one_that_does(name):
    make, depends = MIDDLES[name]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), make(), nn.Conv2d(4, 4, 3), nn.ReLU()).eval()
    pictures = []
    for _ in range(2):
        recording = cdn.record(net, torch.rand(1, 3, 16, 16), "4")
        pictures.append(recording.project(cdn.Unit(0, "4", 1, 1, 1), seed=1.0))
        assert recording.receipt_from("4").depends_on_image == depends
    assert torch.equal(*pictures) == (not depends)


def test_a_net_without_max_pool_is_said_and_guided_is_drawn_beside(
    deconvnet, photograph, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for function, said in (("without_max_pool", True), ("net_3", False)):
        result = deconvnet(
            "project", f"{NETS}:{function}", photograph, "--layers", "4", "--json", "-"
        )
        assert result.exit_code == 0, result.output
        assert (FIXED in result.stderr) == said
        assert ('"guided"' in result.stdout) == said


@pytest.mark.parametrize("command", ["project", "occlude"])
def test_a_dead_map_is_said(deconvnet, photograph, tmp_path, command):
    result = deconvnet(
        command, f"{NETS}:dead", photograph, "--out", tmp_path / "figure.png",
        *(("--layers", "4") if command == "project" else ()),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "activation 0 everywhere in this image" in result.stderr
    assert ("flat" in result.stderr) == (command == "occlude")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (nn.Identity(), lambda scores: scores.softmax(1)),
        (nn.Softmax(1), lambda scores: scores.softmax(1)),
        (nn.Sigmoid(), lambda scores: scores.sigmoid()),
    ],
    ids=["logits", "softmax", "sigmoid"],
)
@pytest.mark.parametrize("classes", [2, 5])
def test_the_class_has_the_probability_of_the_net(end, expected, classes):
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, classes), end
    ).eval()
    images = torch.rand(3, 1, 5, 5)
    loaded = LoadedModel("x", net, transform=None, inverse_transform=None, input_size=(1, 5, 5))
    chances = expected(net[:4](images)).detach()
    found = predictions(loaded, cdn.record(net, images, "1"))
    for text, row in zip(found, chances, strict=True):
        assert text == f"class {int(row.argmax())} ({float(row.max()):.2f})"


@pytest.mark.parametrize("ends_in_sigmoid", [False, True])
def test_one_score_stands_for_two_classes(ends_in_sigmoid):
    score = torch.tensor([[0.25]]).double()
    chance = score if ends_in_sigmoid else score.sigmoid()
    found = probabilities(score, ends_in_sigmoid=ends_in_sigmoid)
    assert torch.allclose(found, torch.cat((1 - chance, chance), 1))


def test_an_output_that_is_no_scores_says_nothing():
    net = torchvision.models.resnet18(weights=None).layer1.eval()
    loaded = LoadedModel("x", net, transform=None, inverse_transform=None, input_size=(64, 8, 8))
    assert predictions(loaded, cdn.record(net, torch.rand(1, 64, 8, 8), "1")) == []


@pytest.mark.parametrize("name", ["nonsense", "cuda", "mps"])
def test_a_device_that_is_not_there_is_one_clear_error(deconvnet, photograph, name):
    from captum_deconvnet.cli.loading import available

    if name in available():
        pytest.skip(f"this machine has {name}")
    for command in ("project", "occlude", "invariance"):
        result = deconvnet(command, f"{NETS}:net_3", photograph, "--device", name)
        assert result.exit_code == 2
        assert name in result.stderr
        assert "Traceback" not in result.stderr


def test_every_command_that_runs_a_model_takes_a_device(deconvnet):
    commands = ("project", "occlude", "gallery", "evolution", "invariance", "correspond", "demo")
    for command in commands:
        assert "--device" in deconvnet(command, "--help").stdout


@pytest.mark.parametrize(
    ("side", "given", "expected"),
    [
        (224, (), (32, 16)), (28, (), (4, 2)), (299, (), (43, 21)), (5, (), (1, 1)),
        (224, (48, None), (48, 24)), (28, (None, 2), (4, 2)), (28, (None, 9), (9, 9)),
        (28, (8, 8), (8, 8)),
    ],
)  # fmt: skip
def test_the_window_fits_the_picture(side, given, expected):
    from captum_deconvnet.occlusion.occlude import OcclusionRequest, fitted

    window, stride = given or (None, None)
    order = OcclusionRequest("m", "DEFAULT", None, window, stride, "grey", None, Path("o.png"))
    assert fitted(order, torch.zeros(1, 3, side, side + 7)) == expected
