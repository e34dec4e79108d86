"""The layers of a net, found by one forward pass."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
from torch import nn
from torchvision import models

from captum_deconvnet.errors import ModelError
from captum_deconvnet.registry import find_stages


def convolution(before, after, *, stride=1):
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, padding=1), nn.ReLU(inplace=True))


class Wrapped(nn.Module):
    """Returns a dictionary, as segmentation nets do."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, image):
        return {"out": self.net(image)}


class TwoScales(nn.Module):
    """Two resolutions side by side, as an HRNet has them."""

    def __init__(self):
        super().__init__()
        self.fine = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(4))
        self.coarse = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(4))

    def forward(self, image):
        small = nn.functional.avg_pool2d(image, 2)
        for fine, coarse in zip(self.fine, self.coarse, strict=True):
            image, small = fine(image), coarse(small)
        return image, small


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "vgg16": "features.4 features.9 features.16 features.23 features.30",
        "vgg11_bn": "features.3 features.7 features.14 features.21 features.28",
        "resnet18": "maxpool layer1 layer2 layer3 layer4",
        "resnet50": "maxpool layer1 layer2 layer3 layer4",
        "alexnet": "features.2 features.5 features.7 features.9 features.12",
        "densenet121": "features.pool0 features.denseblock1 features.denseblock2 "
        "features.denseblock3 features.norm5",
        "mobilenet_v2": "features.1 features.3 features.6 features.13 features.18",
        "mobilenet_v3_large": "features.1 features.3 features.6 features.12 features.16",
        "efficientnet_b0": "features.1 features.2 features.3 features.5 features.8",
        "convnext_tiny": "features.1 features.3 features.5 features.7",
        "regnet_y_400mf": "stem trunk_output.block1 trunk_output.block2 trunk_output.block3 "
        "trunk_output.block4",
        "shufflenet_v2_x0_5": "maxpool stage2 stage3 conv5",
        "mnasnet0_5": "layers.7 layers.8 layers.9 layers.11 layers.16",
        "vit_b_32": "conv_proj",
    }.items(),
)
def test_the_layers_of_torchvisions_nets_are_found(name, expected):
    net = models.get_model(name, weights=None)
    assert " ".join(find_stages(net, torch.zeros(1, 3, 224, 224))) == expected


def test_a_clip_has_layers_too():
    net = models.video.mc3_18(weights=None)
    stages = find_stages(net, torch.zeros(1, 3, 4, 64, 64))
    assert stages == ("layer1", "layer2", "layer3", "layer4")


def test_in_a_small_net_each_convolution_is_a_layer():
    net = nn.Sequential(
        convolution(3, 4), convolution(4, 4), nn.MaxPool2d(2), convolution(4, 4), nn.Flatten()
    )
    assert find_stages(net, torch.zeros(1, 3, 8, 8)) == ("0", "2", "3")


def test_a_deep_net_has_a_layer_a_resolution_and_a_pool_ends_the_one_before_it():
    net = nn.Sequential(
        convolution(3, 4), convolution(4, 4), nn.MaxPool2d(2),
        convolution(4, 4), convolution(4, 4), convolution(4, 4, stride=2), convolution(4, 4),
    )  # fmt: skip
    assert find_stages(net, torch.zeros(1, 3, 32, 32)) == ("2", "4", "6")


def test_a_net_inside_another_that_returns_a_dictionary_is_opened():
    net = Wrapped(models.resnet18(weights=None))
    expected = ("net.maxpool", "net.layer1", "net.layer2", "net.layer3", "net.layer4")
    assert find_stages(net, torch.zeros(1, 3, 64, 64)) == expected


def test_resolutions_side_by_side_give_the_last_map_of_each():
    assert find_stages(TwoScales(), torch.zeros(1, 3, 16, 16)) == ("fine.3", "coarse.3")


def test_preferred_layers_are_taken_only_if_they_all_give_maps():
    net = models.resnet18(weights=None)
    image = torch.zeros(1, 3, 64, 64)
    assert find_stages(net, image, preferred=("relu", "layer1")) == ("relu", "layer1")
    assert find_stages(net, image, preferred=("layer1", "fc")) == (
        "maxpool", "layer1", "layer2", "layer3", "layer4",
    )  # fmt: skip


def test_a_wide_picture_has_the_same_layers():
    net = models.resnet18(weights=None)
    assert find_stages(net, torch.zeros(1, 3, 96, 224))[0] == "maxpool"


def test_the_model_is_left_as_found():
    net = models.resnet18(weights=None)
    net.train()
    net.layer2.eval()
    before = copy.deepcopy(net.state_dict())
    flags = [module.training for module in net.modules()]
    find_stages(net, torch.zeros(2, 3, 64, 64))
    assert [module.training for module in net.modules()] == flags
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_the_model_is_left_as_found_when_it_does_not_run():
    net = models.resnet18(weights=None).train()
    with pytest.raises(ModelError, match=r"does not run on an input of shape \(1, 5, 64, 64\)"):
        find_stages(net, torch.zeros(1, 5, 64, 64))
    assert all(module.training for module in net.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_another_thread_may_run_the_model_meanwhile():
    net = models.resnet18(weights=None).eval()
    image = torch.zeros(1, 3, 64, 64)
    stop = threading.Event()

    def run():
        while not stop.is_set():
            net(image)

    other = threading.Thread(target=run)
    other.start()
    try:
        found = {find_stages(net, image) for _ in range(5)}
    finally:
        stop.set()
        other.join()
    assert found == {("maxpool", "layer1", "layer2", "layer3", "layer4")}
