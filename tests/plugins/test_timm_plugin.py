"""``timm/*``: every architecture with a convolution, timm's preprocessing, and rules for timm."""

from __future__ import annotations

import importlib.util
import time

import huggingface_hub.constants
import pytest
import safetensors.torch
import timm
import timm.layers.activations as plain
import timm.layers.activations_me as efficient
import torch
import torch.nn.functional as F
from PIL import Image
from timm.layers import evo_norm, filter_response_norm, grn, norm, norm_act
from timm.models.metaformer import SquaredReLU, StarReLU
from torch import nn
from torch.nn.modules.conv import _ConvNd

import captum_deconvnet as cdn
import captum_deconvnet_timm.pretrained
from captum_deconvnet.errors import ModelError, UnknownNameError, WeightsError
from captum_deconvnet.registry import Registry, list_models, load_model, plugin_rules
from captum_deconvnet_timm.architectures import without_convolution

CHANNELS = 4
measured = pytest.mark.skipif(
    "gemma4_vit_167m" not in timm.list_models(), reason="the table was measured on a newer timm"
)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A hub that does not answer, and an empty cache."""
    monkeypatch.setattr(captum_deconvnet_timm.pretrained, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@measured
def test_all_but_eighteen_architectures_are_listed():
    listed = {name.removeprefix("timm/") for name in list_models("timm/*")}
    left_out = set(timm.list_models()) - listed
    assert {name.partition("_")[0] for name in left_out} == {"naflexvit", "gemma4"}
    assert len(listed) > 1300


@measured
def test_a_sample_of_the_listed_has_a_convolution_and_a_sample_of_the_others_has_none():
    sample = ["resnet18", "vit_tiny_patch16_224", "mixer_s32_224", "swin_tiny_patch4_window7_224"]
    assert list(without_convolution(sample)) == []
    others = ["naflexvit_base_patch16_gap", "gemma4_vit_167m"]
    assert list(without_convolution(others)) == others


def test_without_timm_its_models_are_missing_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    registry = Registry()
    assert list_models("timm/*", registry=registry) == []
    assert list_models("offline/*", registry=registry)
    with pytest.raises(UnknownNameError, match="pip install timm"):
        load_model("timm/resnet18", "random", registry=registry)


def test_a_net_without_convolution_is_left_out_with_a_reason():
    with pytest.raises(ModelError, match="is not offered: its net has no convolution"):
        load_model("timm/naflexvit_base_patch16_gap", "random")


@pytest.mark.parametrize(
    ("name", "stages"),
    {
        "resnet18": "act1 layer1 layer2 layer3 layer4",
        "convnext_atto": "stages.0 stages.1 stages.2 stages.3",
        "mobilenetv3_small_050": "bn1 blocks.0 blocks.1 blocks.3 blocks.5",
        "efficientformer_l1": "stem.act1 stages.0 stages.1 stages.2 stages.3.blocks.2",
        "hrnet_w18_small": "act1 incre_modules.0 downsamp_modules.0.2 downsamp_modules.1.2 "
        "final_layer",
        "swin_tiny_patch4_window7_224": "patch_embed.proj",
        "vit_tiny_patch16_224": "patch_embed.proj",
    }.items(),
)
def test_layers_are_timms_features_if_these_are_maps_and_found_otherwise(name, stages):
    model = load_model(f"timm/{name}", "random")
    assert " ".join(model.stages) == stages


def test_pictures_are_prepared_as_timm_does():
    pixels = torch.randint(0, 256, (300, 400, 3), dtype=torch.uint8)
    picture = Image.fromarray(pixels.numpy())
    model = load_model("timm/efficientnet_b0", "random")
    net = timm.create_model("efficientnet_b0")
    config = timm.data.resolve_model_data_config(net)
    expected = timm.data.create_transform(**config, is_training=False)(picture)
    assert torch.equal(model.transform(picture), expected)
    assert torch.equal(model.transform(pixels.permute(2, 0, 1)), expected)
    assert model.input_size == tuple(expected.shape)
    mean, std = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    shown = model.inverse_transform(expected)
    assert torch.allclose(shown, (expected * std + mean).clamp(0, 1), atol=1e-6)
    assert model.categories[285] == "Egyptian cat"


def test_a_file_from_torchvision_fits_timms_net_of_the_same_name(tmp_path):
    """timm's VGG keeps its first linear layers as convolutions, and translates the keys."""
    net = timm.create_model("vgg11")
    published = dict(net.state_dict())
    for old, new in (("classifier.0", "pre_logits.fc1"), ("classifier.3", "pre_logits.fc2")):
        published[f"{old}.weight"] = published.pop(f"{new}.weight").flatten(1)
        published[f"{old}.bias"] = published.pop(f"{new}.bias")
    for kind in ("weight", "bias"):
        published[f"classifier.6.{kind}"] = published.pop(f"head.fc.{kind}")
    torch.save(published, tmp_path / "vgg11.pth")
    loaded = load_model("timm/vgg11", tmp_path / "vgg11.pth").model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in net.state_dict().items())


def test_a_file_that_does_not_fit_says_so(tmp_path):
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"does not fit ResNet.*101 missing"):
        load_model("timm/resnet18", tmp_path / "other.pth")


@pytest.mark.parametrize("asked", [(), ("DEFAULT",)], ids=["nothing said", "DEFAULT"])
def test_a_download_that_cannot_work_is_one_line_within_seconds(asked, nowhere):
    start = time.monotonic()
    with pytest.raises(WeightsError) as error:
        load_model("timm/test_resnet", *asked)
    assert time.monotonic() - start < 8
    assert "from https://huggingface.co/timm/test_resnet.r160_in1k" in str(error.value)
    assert "\n" not in str(error.value)


def test_weights_that_were_downloaded_before_need_no_network(nowhere):
    net = timm.create_model("test_resnet")
    snapshot = nowhere / "models--timm--test_resnet.r160_in1k/snapshots/abc"
    snapshot.mkdir(parents=True)
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    safetensors.torch.save_file(net.state_dict(), snapshot / "model.safetensors")
    model = load_model("timm/test_resnet", "r160_in1k")
    assert model.weights == "r160_in1k"
    loaded = model.model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in net.state_dict().items())


def test_an_unknown_tag_names_those_there_are():
    with pytest.raises(UnknownNameError, match=r"a1_in1k, .*DEFAULT, random"):
        load_model("timm/resnet18", "imagenet")


def test_an_architecture_without_published_weights_says_so():
    name = next(name for name in timm.list_models() if not any(
        cfg.has_weights for cfg in timm.models.get_arch_pretrained_cfgs(name).values()
    ))  # fmt: skip
    with pytest.raises(WeightsError, match=f"timm publishes no weights for {name}"):
        load_model(f"timm/{name}", "DEFAULT")


# Rules


def between_convolutions(module):
    """conv, the module, conv: without biases, in float64."""
    net = nn.Sequential(
        nn.Conv2d(3, CHANNELS, 3, bias=False), module, nn.Conv2d(CHANNELS, 1, 3, bias=False)
    )
    for parameter in module.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    return net.double().eval()


def signal_at(net):
    """The signal that arrives at the module's output from a seed of 1 at one unit."""
    return F.conv_transpose2d(torch.ones(1, 1, 1, 1).double(), net[2].weight)


def projection(net, image):
    recording = cdn.record(net, image, "2", strict=True)
    (unit,) = recording.strongest("2")
    return recording.project([unit], seed=1.0)


def through_first(net, signal):
    return F.conv_transpose2d(signal, net[0].weight).detach()


@pytest.fixture
def image():
    return torch.randn(1, 3, 5, 5).double()


RECTIFIERS = [
    plain.Swish(), plain.Swish(inplace=True), plain.Mish(), plain.HardSwish(),
    plain.HardSwish(inplace=True), plain.HardMish(), plain.HardMish(inplace=True),
    plain.QuickGELU(), efficient.SwishMe(), efficient.MishMe(), efficient.HardSwishMe(),
    efficient.HardMishMe(), SquaredReLU(), plain.GELU(), plain.GELUTanh(),
]  # fmt: skip


@pytest.mark.parametrize("module", RECTIFIERS, ids=repr)
def test_timms_smooth_activations_rectify_the_signal(module, image):
    net = between_convolutions(module)
    expected = through_first(net, signal_at(net).clamp(min=0))
    assert torch.allclose(projection(net, image), expected, rtol=1e-12)


def test_star_relu_rectifies_and_scales(image):
    net = between_convolutions(StarReLU())
    scale = net[1].scale.item()
    expected = through_first(net, (signal_at(net) * scale).clamp(min=0))
    assert torch.allclose(projection(net, image), expected, rtol=1e-12)


def test_a_thresholded_response_norm_rectifies_and_keeps_the_recorded_response(image):
    module = filter_response_norm.FilterResponseNormTlu2d(CHANNELS)
    net = between_convolutions(module)
    maps = net[0](image)
    deviation = (maps**2).mean(dim=(2, 3), keepdim=True).add(module.eps).sqrt()
    gain = module.weight.view(1, -1, 1, 1) / deviation
    expected = through_first(net, signal_at(net).clamp(min=0) * gain)
    assert torch.allclose(projection(net, image), expected, rtol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kind", [norm.LayerNormExp2d, norm.LayerNorm2d])
def test_a_layer_norm_over_channels_keeps_the_recorded_deviation(image, kind, layout):
    net = between_convolutions(kind(CHANNELS))
    maps = net[0](image)
    deviation = maps.var(dim=1, unbiased=False, keepdim=True).add(net[1].eps).sqrt()
    gain = net[1].weight.view(1, -1, 1, 1) / deviation
    expected = through_first(net, signal_at(net) * gain)
    actual = projection(net, image.to(memory_format=layout))
    assert torch.allclose(actual, expected, rtol=1e-10)


def test_an_rms_norm_keeps_the_recorded_deviation(image):
    net = between_convolutions(norm.RmsNorm2d(CHANNELS))
    gain = net[1].weight.view(1, -1, 1, 1) / (net[0](image) ** 2).mean(1, True).add(1e-6).sqrt()
    expected = through_first(net, signal_at(net) * gain)
    assert torch.allclose(projection(net, image), expected, rtol=1e-10)


def test_an_evo_norm_keeps_the_recorded_deviation(image):
    module = evo_norm.EvoNorm2dB0(CHANNELS)
    net = between_convolutions(module)
    maps, shape = net[0](image), (1, -1, 1, 1)
    std = maps.var(dim=(2, 3), unbiased=False, keepdim=True).add(module.eps).sqrt()
    batch = module.running_var.add(module.eps).sqrt().view(shape)
    gain = module.weight.view(shape) / torch.maximum(batch, maps * module.v.view(shape) + std)
    assert torch.allclose(
        projection(net, image), through_first(net, signal_at(net) * gain), rtol=1e-6
    )


NORMS = [
    evo_norm.EvoNorm2dB1(CHANNELS), evo_norm.EvoNorm2dB2(CHANNELS),
    evo_norm.EvoNorm2dS0(CHANNELS, groups=2), evo_norm.EvoNorm2dS0a(CHANNELS, groups=2),
    evo_norm.EvoNorm2dS1(CHANNELS, groups=2), evo_norm.EvoNorm2dS1a(CHANNELS, groups=2),
    evo_norm.EvoNorm2dS2(CHANNELS, groups=2), evo_norm.EvoNorm2dS2a(CHANNELS, groups=2),
    filter_response_norm.FilterResponseNormAct2d(CHANNELS), norm.SimpleNorm2d(CHANNELS),
    norm.GroupNorm1(CHANNELS), grn.GlobalResponseNorm(CHANNELS, channels_last=False),
    norm_act.BatchNormAct2d(CHANNELS), norm_act.FrozenBatchNormAct2d(CHANNELS),
    norm_act.GroupNormAct(CHANNELS, 2), norm_act.LayerNormAct2d(CHANNELS),
    norm_act.RmsNormAct2d(CHANNELS), norm.RmsNorm2dFp32(CHANNELS), norm.LayerNorm2dFp32(CHANNELS),
]  # fmt: skip


@pytest.mark.parametrize("module", NORMS, ids=lambda module: type(module).__name__)
def test_no_norm_of_timm_falls_back_to_the_gradient(module, image):
    assert projection(between_convolutions(module), image).isfinite().all()


def test_every_row_is_about_a_module_that_timm_has():
    rows = [row for row in plugin_rules() if row.plugin == "timm"]
    assert len(rows) == 13
    assert all(issubclass(row.found(), nn.Module) for row in rows)
    assert not any(issubclass(row.found(), _ConvNd) for row in rows)
