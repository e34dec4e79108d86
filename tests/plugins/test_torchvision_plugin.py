"""``torchvision/*``: every convolutional builder, with its own preprocessing and layers."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from captum_deconvnet.errors import ModelError, UnknownNameError, WeightsError
from captum_deconvnet.registry import list_models, load_model


@pytest.fixture(autouse=True)
def _no_weights_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.fixture
def picture():
    pixels = torch.randint(0, 256, (300, 400, 3), dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())


def test_every_builder_that_is_not_quantized_is_listed():
    listed = {name.removeprefix("torchvision/") for name in list_models("torchvision/*")}
    packages = (models, models.segmentation, models.detection, models.video, models.optical_flow)
    expected = {name for package in packages for name in models.list_models(package)}
    assert listed == expected
    assert len(models.list_models(models)) == 80 <= len(listed)


def test_every_classifier_has_a_convolution():
    """Built without memory for weights, except RegNets, whose widths are computed in tensors."""
    regnets = ("regnet_x_400mf", "regnet_y_400mf")
    for name in models.list_models(models):
        if name.startswith("regnet") and name not in regnets:
            continue
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        with torch.device("cpu" if name in regnets else "meta"):
            net = models.get_model(name, **options)
        assert any(isinstance(module, nn.Conv2d) for module in net.modules()), name


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_v2_s", "inception_v3", "vit_b_32"])
def test_pictures_are_prepared_as_the_published_weights_want_it(name, picture):
    model = load_model(f"torchvision/{name}", "random")
    preset = models.get_model_weights(name).DEFAULT.transforms()
    assert torch.equal(model.transform(picture), preset(picture))
    assert tuple(preset(picture).shape) == model.input_size
    shown = model.inverse_transform(model.transform(picture))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (preset.mean, preset.std))
    assert torch.allclose(shown, preset(picture) * std + mean, atol=1e-6)
    assert model.categories[285] == "Egyptian cat"


@pytest.mark.parametrize(
    ("name", "size", "stages"),
    [
        ("googlenet", (3, 224, 224), "maxpool1 maxpool2 maxpool3 maxpool4 inception5b"),
        ("squeezenet1_1", (3, 224, 224), "features.2 features.5 features.8 features.12"),
        ("lraspp_mobilenet_v3_large", (3, 520, 520),
         "backbone.1 backbone.3 backbone.6 backbone.12 backbone.16"),
        ("fcn_resnet50", (3, 520, 520),
         "backbone.maxpool backbone.layer1 backbone.layer2 backbone.layer3 backbone.layer4"),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", (3, 320, 320),
         "body.1 body.3 body.6 body.12 body.16"),
        ("raft_small", (3, 520, 520), "layer1 layer2 conv"),
        ("r3d_18", (3, 16, 112, 112), "layer1 layer2 layer3 layer4"),
        ("mvit_v2_s", (3, 16, 224, 224), "conv_proj"),
    ],
)  # fmt: skip
def test_each_family_takes_a_picture_and_has_its_layers(name, size, stages, picture):
    model = load_model(f"torchvision/{name}", "random")
    assert model.input_size == size
    assert " ".join(model.stages) == stages
    modules = dict(model.model.named_modules())
    assert all(layer in modules for layer in model.stages)
    square = picture.resize((256, 256))
    assert tuple(model.transform(square).shape) == size
    shown = model.inverse_transform(model.transform(square))
    assert shown.shape == size
    assert 0.4 < shown.mean() < 0.6


def test_a_detectors_backbone_sees_what_the_detector_shows_it(picture):
    model = load_model("torchvision/fasterrcnn_mobilenet_v3_large_320_fpn", "random")
    detector = models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None
    ).eval()
    seen = []
    detector.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    detector(
        [
            models.get_model_weights(models.detection.fasterrcnn_resnet50_fpn).DEFAULT.transforms()(
                picture
            )
        ]
    )
    assert torch.equal(model.transform(picture)[None], seen[0])


def test_a_picture_and_its_tensor_are_prepared_alike(picture):
    model = load_model("torchvision/alexnet", "random")
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    pixels = pixels.view(300, 400, 3).permute(2, 0, 1)
    assert torch.equal(model.transform(pixels), model.transform(picture))


@pytest.mark.parametrize(
    "name", ["googlenet", "inception_v3", "fcn_resnet50", "fasterrcnn_mobilenet_v3_large_320_fpn"]
)
def test_a_published_file_fits_though_only_a_part_of_the_net_is_offered(name, tmp_path):
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    options |= {"weights_backbone": None} if "_" in name and name != "inception_v3" else {}
    options |= {"aux_loss": True} if name.startswith("fcn") else {}
    published = models.get_model(name, weights=None, **options)
    torch.save(published.state_dict(), tmp_path / "published.pth")
    model = load_model(f"torchvision/{name}", tmp_path / "published.pth")
    expected = published.state_dict()
    prefix = "backbone." if "rcnn" in name else ""
    for key, value in model.model.state_dict().items():
        assert torch.equal(value, expected[prefix + key]), key


def test_a_densenet_file_with_the_old_names_fits(tmp_path):
    published = models.densenet121(weights=None).state_dict()
    old = {
        key.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.").replace("conv2.", "conv.2."): value
        for key, value in published.items()
    }  # fmt: skip
    torch.save(old, tmp_path / "old.pth")
    loaded = load_model("torchvision/densenet121", tmp_path / "old.pth").model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in published.items())


def test_the_file_of_mnasnet_fits_although_its_module_wants_a_version(tmp_path):
    published = models.mnasnet0_5(weights=None).state_dict()
    torch.save(dict(published), tmp_path / "plain.pth")
    loaded = load_model("torchvision/mnasnet0_5", tmp_path / "plain.pth").model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in published.items())


def test_the_random_weights_are_torchvisions():
    torch.manual_seed(3)
    ours = load_model("torchvision/resnet18", "random").model
    torch.manual_seed(3)
    assert torch.equal(ours.fc.weight, models.resnet18(weights=None).fc.weight)


def test_a_quantized_net_is_left_out_with_a_reason():
    with pytest.raises(ModelError, match="quantized_resnet18 is not offered: its layers compute"):
        load_model("torchvision/quantized_resnet18", "random")


def test_an_unknown_tag_has_near_names():
    with pytest.raises(UnknownNameError, match="Nearest: IMAGENET1K_V2, IMAGENET1K_V1"):
        load_model("torchvision/resnet50", "IMAGENET1K_V3")


def test_a_download_that_cannot_work_is_one_line_within_seconds(monkeypatch):
    """No server listens on the discard port of this machine."""
    weights = models.ResNet18_Weights.IMAGENET1K_V1.value
    monkeypatch.setattr(weights, "url", "http://127.0.0.1:9/resnet18.pth")
    start = time.monotonic()
    with pytest.raises(WeightsError) as error:
        load_model("torchvision/resnet18", "DEFAULT")
    assert time.monotonic() - start < 8
    assert "torchvision/resnet18 from http://127.0.0.1:9/resnet18.pth" in str(error.value)
    assert "weights='random'" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("asked", [(), ("DEFAULT",)], ids=["nothing said", "DEFAULT"])
def test_weights_that_were_downloaded_before_need_no_network(asked, tmp_path, monkeypatch):
    weights = models.SqueezeNet1_1_Weights.IMAGENET1K_V1.value
    net = models.squeezenet1_1(weights=None)
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    path = tmp_path / "hub/checkpoints/kept.pth"
    torch.save(net.state_dict(), path)
    monkeypatch.setattr(weights, "url", "http://127.0.0.1:9/kept.pth")
    model = load_model("torchvision/squeezenet1_1", *asked)
    assert model.weights == "IMAGENET1K_V1"
    assert torch.equal(model.model.features[0].weight, net.features[0].weight)


def test_no_model_warns_when_it_is_loaded():
    script = "\n".join(
        ["import captum_deconvnet.registry as r"]
        + [
            f"r.load_model('torchvision/{n}', 'random')"
            for n in ("googlenet", "inception_v3", "mc3_18")
        ]
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
