"""``deconvnet layers`` against shapes, tables and structure known from elsewhere."""

from __future__ import annotations

import json

import pytest
import torch
import torchvision


@pytest.fixture
def layers(deconvnet):
    def call(model):
        result = deconvnet("layers", model, "--json")
        assert result.exit_code == 0, result.stderr
        return {layer["path"]: layer for layer in json.loads(result.stdout)["layers"]}

    return call


def test_shapes_are_those_of_the_plain_model(layers):
    net = torchvision.models.squeezenet1_1(weights=None).eval()
    shapes = {}

    def watch(path):
        def note(module, arguments, output):
            shapes[path] = list(output.shape[1:])

        return note

    for path, module in net.named_modules():
        if not list(module.children()):
            module.register_forward_hook(watch(path))
    with torch.no_grad():
        net(torch.zeros(1, 3, 224, 224))
    listed = layers("torchvision/squeezenet1_1")
    assert {path: listed[path]["shape"] for path in shapes} == shapes


# Size, jump and start, layer by layer from kernel, stride and padding (Araujo et al. 2019).
VGG16 = {
    "features.0": (3, 1, -1),
    "features.4": (6, 2, -2),
    "features.9": (16, 4, -6),
    "features.16": (44, 8, -18),
    "features.23": (100, 16, -42),
    "features.30": (212, 32, -90),
}


def test_receptive_fields_of_vgg16_are_the_published_ones(layers):
    listed = layers("torchvision/vgg16")
    found = {
        path: tuple(listed[path]["field"][key][0] for key in ("size", "jump", "start"))
        for path in VGG16
    }
    assert found == VGG16


def test_the_way_back_is_the_papers_for_the_papers_layers(layers):
    listed = layers("torchvision/vgg16")
    assert listed["features.0"]["rules"] == ["convolution: transposed filter (paper)"]
    assert listed["features.1"]["rules"] == ["relu: rectify (paper)"]
    assert listed["features.4"]["rules"] == ["max_pool2d_with_indices: switches (paper)"]


def test_operations_of_a_block_itself_are_listed_with_the_block(layers):
    listed = layers("torchvision/resnet18")
    assert listed["layer1.0"]["rules"] == ["add: adjoint"]  # the residual sum


def test_operations_of_the_model_itself_are_listed_too(layers):
    assert layers("torchvision/resnet18")[""]["rules"] == ["view: adjoint"]  # torch.flatten


def test_stages_are_marked(layers):
    stages = [path for path, layer in layers("torchvision/alexnet").items() if layer["stage"]]
    assert stages == ["features.2", "features.5", "features.7", "features.9", "features.12"]


def test_the_table_has_one_line_a_layer(deconvnet):
    result = deconvnet("layers", "torchvision/alexnet")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["layer", "shape", "field", "jump", "start", "way", "back"]
    assert lines[1][:5] == ["features.0", "64x55x55", "11", "4", "-2"]
    (pool,) = [line for line in lines if line[0] == "features.2"]
    assert pool[1:6] == ["*", "64x27x27", "19", "8", "-2"]


def test_an_unknown_model_is_one_line_with_near_names(fails):
    assert "torchvision/alexnet" in fails("layers", "torchvision/alexnett")
