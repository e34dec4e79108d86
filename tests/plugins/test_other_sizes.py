"""Nets of torchvision and timm in the sizes of a fine-tuned checkpoint, and timm's folders."""

from __future__ import annotations

import pytest
import timm
import torch
from torchvision import models

from captum_deconvnet.errors import UnknownNameError, WeightsError
from captum_deconvnet.registry import load_model

TORCHVISION = [
    "resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5",
    "efficientnet_b0", "regnet_y_400mf", "densenet121", "googlenet",
]  # fmt: skip


@pytest.mark.parametrize("name", TORCHVISION)
def test_a_torchvision_net_takes_the_classes_of_its_checkpoint(name, tmp_path):
    options = {"init_weights": True} if name == "googlenet" else {}
    net = models.get_model(name, weights=None, num_classes=7, **options).eval()
    path = tmp_path / "seven.ckpt"
    torch.save({"state_dict": {f"model.{k}": v for k, v in net.state_dict().items()}}, path)
    loaded = load_model(f"torchvision/{name}", path)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(image), net(image))
    assert loaded.categories == ()
    assert loaded.notes[0] == (
        f"torchvision/{name} is built for the 7 classes of the weights; --classes names them"
    )


def test_classes_given_are_those_of_the_checkpoint(tmp_path):
    net = models.squeezenet1_1(num_classes=2)
    loaded = load_model(
        "torchvision/squeezenet1_1", weights=net.state_dict(), classes={0: "ham", 1: "spam"}
    )
    assert loaded.categories == ("ham", "spam")


@pytest.mark.parametrize("channels", [1, 2, 3, 12])
@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050", "convnext_atto"])
def test_a_timm_net_takes_classes_and_channels_of_its_checkpoint(name, channels):
    net = timm.create_model(name, num_classes=5, in_chans=channels).eval()
    loaded = load_model(f"timm/{name}", weights=net.state_dict())
    image = torch.rand(1, channels, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(image), net(image))
    assert loaded.input_size[0] == channels
    picture = torch.randint(256, (channels, 300, 280), dtype=torch.uint8)
    assert loaded.transform(picture).shape == loaded.input_size


def test_a_changed_head_says_how_to_bring_the_net(tmp_path):
    net = models.resnet18()
    net.fc = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(512, 7))
    with pytest.raises(WeightsError, match=r"fc\.1\.weight.*bring it as file\.py:function"):
        load_model("torchvision/resnet18", weights=net.state_dict())


@pytest.fixture
def folder(tmp_path):
    net = timm.create_model("resnet10t", num_classes=3)
    names = {"label_names": ["a", "b", "c"]}
    timm.models.save_for_hf(net, tmp_path / "net", model_config=names)
    return tmp_path / "net", net


@pytest.mark.parametrize("spelling", ["timm/local-dir:{}", "timm/{}"])
def test_a_folder_that_timm_wrote_loads(folder, spelling):
    path, net = folder
    loaded = load_model(spelling.format(path))
    assert torch.equal(loaded.model.fc.weight, net.fc.weight)
    assert loaded.categories == ("a", "b", "c")
    assert loaded.stages
    random = load_model(spelling.format(path), "random")
    assert not torch.equal(random.model.fc.weight, net.fc.weight)
    assert random.weights is None


def test_timms_own_spelling_of_a_tag_is_known():
    assert load_model("timm/resnet10t.c3_in1k", "random").name == "timm/resnet10t.c3_in1k"
    with pytest.raises(UnknownNameError, match="Nearest: timm/resnet10t"):
        load_model("timm/resnet10t.none")


def test_a_folder_that_is_none_is_one_clear_line(tmp_path):
    with pytest.raises(WeightsError, match=r"timm cannot load the folder .*save_for_hf wrote"):
        load_model(f"timm/local-dir:{tmp_path}")
