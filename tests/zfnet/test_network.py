"""The nets: sizes, receptive fields and numbers of parameters as the literature has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import captum_deconvnet as cdn
from captum_deconvnet.errors import ModelError, UnknownNameError
from captum_deconvnet_zfnet.architecture import ARCHITECTURES, COMPACT, ZFNET
from captum_deconvnet_zfnet.network import (
    ContrastNormalisation,
    Standardise,
    architecture_named,
    build,
)
from captum_deconvnet_zfnet.training.beginning import initialise

MODULES = [
    "layer1.conv",
    "layer1.pool",
    "layer2.conv",
    "layer2.pool",
    "layer3",
    "layer4",
    "layer5.conv",
    "layer5.pool",
]

# Size, jump and first pixel of unit 0, from the formulas of Araujo et al. (Distill 2019).
PADDED = [
    (7, 2, -1), (11, 4, -3), (27, 8, -3), (43, 16, -11),
    (75, 16, -27), (107, 16, -43), (139, 16, -59), (171, 32, -59),
]  # fmt: skip
ROUNDED_UP = [
    (7, 2, -1), (11, 4, -1), (27, 8, -1), (43, 16, -1),
    (75, 16, -17), (107, 16, -33), (139, 16, -49), (171, 32, -49),
]  # fmt: skip
# The same as torchvision's alexnet has.
ALEXNET = [
    (11, 4, -2), (19, 8, -2), (51, 8, -18), (67, 16, -18),
    (99, 16, -34), (131, 16, -50), (163, 16, -66), (195, 32, -66),
]  # fmt: skip


@pytest.fixture(scope="module")
def zfnet():
    return build(ZFNET).eval()


@pytest.mark.parametrize(
    ("name", "fields"), [("zfnet", PADDED), ("zfnet_ceil", ROUNDED_UP), ("alexnet", ALEXNET)]
)
def test_receptive_fields_are_those_of_the_formulas(name, fields):
    thin = replace(ARCHITECTURES[name], hidden=(8, 8))  # the field does not ask how many units
    net = build(thin, classes=2).eval()
    for module, (size, jump, first) in zip(MODULES, fields, strict=True):
        field = cdn.receptive_field(net, module, (1, 3, 224, 224))
        assert (field.size, field.jump, field.start) == ((size,) * 2, (jump,) * 2, (first,) * 2)


@pytest.mark.parametrize("name", ["zfnet", "zfnet_ceil"])
def test_maps_have_the_sizes_of_the_papers_figure(name):
    net = build(replace(ARCHITECTURES[name], hidden=(8, 8)), classes=2).eval()
    seen = {}
    for path, module in net.named_modules():
        module.register_forward_hook(
            lambda m, a, out, path=path: seen.update({path: out.shape[1:]})
        )
    net(torch.zeros(1, 3, 224, 224))
    paths = ["layer1.conv", "layer1", "layer2.conv", "layer2", "layer3", "layer4", "layer5"]
    sizes = [(96, 110), (96, 55), (256, 26), (256, 13), (384, 13), (384, 13), (256, 6)]
    assert [tuple(seen[path]) for path in paths] == [(maps, side, side) for maps, side in sizes]


def test_zfnet_has_the_parameters_that_its_table_gives(zfnet):
    convolutions = (
        (3 * 49 + 1) * 96
        + (96 * 25 + 1) * 256
        + (256 * 9 + 1) * 384
        + (384 * 9 + 1) * 384
        + (384 * 9 + 1) * 256
    )
    head = (9216 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert convolutions + head == 62_357_608
    assert sum(weight.numel() for weight in zfnet.parameters()) == 62_357_608


def test_the_other_nets_have_the_parameters_that_the_readme_gives():
    head = (9216 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    upper = (256 * 9 + 1) * 384 + (384 * 9 + 1) * 384 + (384 * 9 + 1) * 256
    alexnet = (3 * 121 + 1) * 96 + (96 * 25 + 1) * 256 + upper + head
    thin = (25 + 1) * 24 + (24 * 25 + 1) * 48 + (48 * 9 + 1) * 64 + (64 * 9 + 1) * (64 + 48)
    compact = thin + (48 * 9 + 1) * 256 + (256 + 1) * 256 + (256 + 1) * 10
    assert (alexnet, compact) == (62_378_344, 301_018)
    assert sum(weight.numel() for weight in build(COMPACT, 10, 1).parameters()) == compact
    # Of AlexNet only the convolutions are built: its head is ZFNet's.
    small = build(replace(ARCHITECTURES["alexnet"], hidden=(1, 1)), classes=1)
    convolutions = sum(w.numel() for n, w in small.named_parameters() if n.split(".")[0] < "layer6")
    assert convolutions + head == alexnet


@pytest.mark.parametrize(("classes", "channels"), [(2, 1), (10, 3), (7, 4)])
def test_any_number_of_classes_and_channels(classes, channels):
    net = build(COMPACT, classes, channels).eval()
    assert net(torch.zeros(2, channels, 28, 28)).shape == (2, classes)


def test_the_compact_net_keeps_positions_to_the_last_layer():
    net = build(COMPACT, 10, 1).eval()
    recording = cdn.record(net, torch.rand(1, 1, 28, 28), ["layer1", "layer2", "layer5"])
    sides = [recording.activations[layer].shape[-1] for layer in ("layer1", "layer2", "layer5")]
    assert sides == [14, 7, 3]


def test_batch_norm_takes_the_place_of_contrast_normalisation():
    kinds = [type(module) for module in build(ARCHITECTURES["compact_bn"]).modules()]
    assert kinds.count(nn.BatchNorm2d) == 5
    assert ContrastNormalisation not in kinds


def test_pictures_that_are_too_small_are_refused():
    with pytest.raises(ModelError, match="32 pixels are too small: layer 5 has no"):
        build(replace(ZFNET, size=32))
    with pytest.raises(UnknownNameError, match="zfnet"):
        architecture_named("zfnett")


def test_contrast_normalisation_is_alexnets():
    maps = 30 * torch.randn(2, 9, 4, 4)
    norm = ContrastNormalisation(9)
    # torch divides alpha by the window; AlexNet's formula does not.
    expected = F.local_response_norm(maps, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)
    torch.testing.assert_close(norm(maps), expected)
    loop = torch.empty_like(maps)
    for i in range(9):
        near = maps[:, max(0, i - 2) : i + 3].square().sum(1)
        loop[:, i] = maps[:, i] / (2 + 1e-4 * near) ** 0.75
    torch.testing.assert_close(norm(maps), loop)


def test_t29_projection_takes_contrast_normalisation_for_the_identity():
    """The net without it, but with the switches of the real forward pass, projects the same."""
    net = build(COMPACT, 10, 1).eval()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data.mul_(8)  # so that normalisation moves switches
    image = torch.rand(1, 1, 28, 28)
    recording = cdn.record(net, image, "layer5")
    unit = max(recording.strongest("layer5"), key=lambda unit: unit.value)
    signal = torch.zeros_like(recording.activations["layer5"])
    signal[0, unit.channel, unit.row, unit.column] = unit.value

    entering, switches = {}, {}
    for number in range(1, 6):
        layer = net.get_submodule(f"layer{number}")
        layer.relu.register_forward_hook(lambda m, a, out, n=number: entering.update({n: out}))
    net(image)
    for number in (1, 2, 5):
        pool = net.get_submodule(f"layer{number}.pool")
        _, switches[number] = F.max_pool2d(
            entering[number], 3, 2, pool.padding, return_indices=True
        )
    for number in (5, 4, 3, 2, 1):
        if number in switches:
            unpooled = torch.zeros_like(entering[number])
            flat = unpooled.flatten(2).scatter_add(
                2, switches[number].flatten(2), signal.flatten(2)
            )
            signal = flat.view_as(unpooled)
        conv = net.get_submodule(f"layer{number}.conv")
        signal = F.conv_transpose2d(signal.clamp(min=0), conv.weight, padding=conv.padding)
    projection = recording.project([unit])
    torch.testing.assert_close(projection, signal / net.input.deviation, rtol=1e-4, atol=1e-6)
    kinds = {entry.operation: entry.kind for entry in recording.receipt.entries}
    assert kinds["ContrastNormalisation"] == "paper"


def test_the_first_step_subtracts_the_mean_image():
    step = Standardise(1, 2)
    step.mean.copy_(torch.tensor([[[0.1, 0.2], [0.3, 0.4]]]))
    step.deviation.fill_(1 / 255)
    expected = 255 * (0.5 - step.mean)
    torch.testing.assert_close(step(torch.full((1, 1, 2, 2), 0.5))[0], expected)


def test_the_papers_start_is_gaussian_of_deviation_one_hundredth():
    net = build(replace(ZFNET, hidden=(4096, 64)), classes=10)
    initialise(net, "gaussian", seed=3)
    for number, deviation in ((1, 0.01), (2, 0.01), (3, 0.01), (4, 0.01), (5, 0.01)):
        weight = net.get_submodule(f"layer{number}.conv").weight.detach()
        assert float(weight.std()) == pytest.approx(deviation, rel=0.05)
        assert float(weight.mean()) == pytest.approx(0, abs=deviation / 10)
    assert float(net.layer6.linear.weight.detach().std()) == pytest.approx(0.005, rel=0.01)
    assert all(not bias.any() for name, bias in net.named_parameters() if name.endswith("bias"))


def test_equal_seeds_draw_equal_weights():
    first, second, third = (build(COMPACT, 10, 1) for _ in range(3))
    for net, seed in ((first, 1), (second, 1), (third, 2)):
        initialise(net, "he", seed)
    assert torch.equal(first.layer3.conv.weight, second.layer3.conv.weight)
    assert not torch.equal(first.layer3.conv.weight, third.layer3.conv.weight)
