"""``zfnet/*`` by name: the embedded weights, files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

import captum_deconvnet as cdn
import captum_deconvnet_zfnet
from captum_deconvnet.errors import UnknownNameError, WeightsError
from captum_deconvnet_zfnet.architecture import COMPACT
from captum_deconvnet_zfnet.filters.measures import kinds
from captum_deconvnet_zfnet.network import build

PACKAGE = Path(captum_deconvnet_zfnet.__file__).parent
STAGES = ("layer1", "layer2", "layer3", "layer4", "layer5")


@pytest.fixture(scope="module")
def embedded():
    return cdn.load_model("zfnet/fashion_mnist")


def test_the_models_are_listed():
    names = cdn.list_models("zfnet/*")
    assert {"zfnet/fashion_mnist", "zfnet/zfnet", "zfnet/alexnet", "zfnet/compact"} <= set(names)


def test_the_embedded_net_names_its_samples_and_takes_one_boot_for_a_sandal(embedded):
    assert embedded.stages == STAGES
    assert embedded.weights == "embedded"
    images = torch.stack([embedded.transform(each) for each in embedded.samples().values()])
    named = [embedded.categories[number] for number in embedded.model(images).argmax(dim=1)]
    assert named == ["Pullover", "Shirt", "Sandal", "Bag", "T-shirt/top", "Sandal"]
    assert [name.split("-", 2)[2] for name in embedded.samples()] == [
        "pullover", "shirt", "ankle-boot", "bag", "t-shirt", "sandal",
    ]  # fmt: skip


def test_the_samples_are_few_small_and_their_licence_is_there(embedded):
    samples = embedded.samples()
    assert len(samples) == 6
    assert all((picture.size, picture.mode) == ((28, 28), "L") for picture in samples.values())
    licence = (PACKAGE / "samples" / "LICENSE").read_text()
    assert "MIT License" in licence
    assert "Zalando" in licence


def test_a_sample_goes_into_the_net_pixel_for_pixel(embedded):
    picture = embedded.samples()["test-00007-shirt"]
    values = embedded.transform(picture)
    np.testing.assert_array_equal((255 * values[0]).round(), np.asarray(picture))
    assert torch.equal(embedded.inverse_transform(values), values)


@pytest.mark.parametrize("name", ["fashion_mnist", "photographs"])
def test_the_embedded_weights_are_small_and_their_log_lies_beside_them(name):
    weights = PACKAGE / "weights"
    assert (weights / f"{name}.safetensors").stat().st_size <= 8 * 2**20
    assert {f"{name}.csv", f"{name}.json", "README.md"} <= {path.name for path in weights.iterdir()}


def test_the_net_of_photographs_tells_imagenets_classes_in_32_bits():
    loaded = cdn.load_model("zfnet/photographs")
    assert loaded.weights == "embedded"
    assert loaded.input_size == (3, 224, 224)
    assert len(loaded.categories) == 1000
    assert {each.dtype for each in loaded.model.parameters()} == {torch.float32}
    stored = safetensors.torch.load_file(PACKAGE / "weights" / "photographs.safetensors")
    weight = stored["layer1.conv.weight"]
    assert weight.dtype == torch.float16
    assert torch.equal(loaded.model.layer1.conv.weight, weight.float())


def test_most_first_filters_of_the_net_of_photographs_are_edges_or_colours_and_of_noise_none():
    trained, noise = (cdn.load_model("zfnet/photographs", tag) for tag in ("DEFAULT", "random"))
    assert kinds(trained.model.layer1.conv.weight.detach()).either > 0.5
    assert kinds(noise.model.layer1.conv.weight.detach()).either == 0


def test_the_net_of_photographs_projects_without_a_fallback():
    loaded = cdn.load_model("zfnet/photographs")
    image = loaded.transform(Image.effect_noise((300, 260), 60).convert("RGB"))[None]
    recording = cdn.record(loaded.model, image, loaded.stages, strict=True)
    for layer in loaded.stages:
        unit = max(recording.strongest(layer), key=lambda unit: unit.value)
        assert recording.project([unit]).abs().max() > 0
    assert recording.receipt.counts["fallback"] == 0


def test_every_layer_projects_by_the_papers_rules_alone(embedded):
    images = torch.stack([embedded.transform(each) for each in embedded.samples().values()])
    recording = cdn.record(embedded.model, images, embedded.stages, strict=True)
    for layer in embedded.stages:
        unit = max(recording.strongest(layer), key=lambda unit: unit.value)
        assert recording.project([unit]).abs().max() > 0
    assert recording.receipt.counts["extension"] == recording.receipt.counts["fallback"] == 0


def test_a_photograph_of_any_size_is_taken(embedded):
    assert embedded.transform(Image.new("RGB", (300, 200))).shape == (1, 28, 28)
    assert cdn.load_model("zfnet/compact", "random").transform(Image.new("L", (9, 9))).shape == (
        1, 28, 28,
    )  # fmt: skip


def test_trained_weights_of_any_size_are_fitted(tmp_path):
    net = build(COMPACT, classes=7, channels=3)
    path = tmp_path / "epoch-001.safetensors"
    safetensors.torch.save_file(net.state_dict(), path)
    loaded = cdn.load_model("zfnet/compact", weights=path)
    assert loaded.input_size == (3, 28, 28)
    assert torch.equal(loaded.model.layer8.weight, net.layer8.weight)
    assert loaded.transform(Image.new("L", (64, 40))).shape == (3, 28, 28)


def test_weights_of_other_nets_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"fc.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(WeightsError, match=r"no input\.mean: they are not from `deconvnet train`"):
        cdn.load_model("zfnet/compact", weights=path)
    with pytest.raises(WeightsError, match="zfnet/zfnet has no trained weights"):
        cdn.load_model("zfnet/zfnet", weights="DEFAULT")
    with pytest.raises(UnknownNameError, match="weights tag 'best'"):
        cdn.load_model("zfnet/fashion_mnist", weights="best")


def test_accuracy_is_printed_for_any_data(deconvnet, fails, striped_clothes, image_folder):
    result = deconvnet("evaluate", "--data", striped_clothes)
    assert result.exit_code == 0, result.output
    right = int(result.stdout.split(": ")[1].split()[0])
    assert f"{right} of 50 test images of Fashion-MNIST right, {2 * right:.2f} %" in result.stdout
    assert "model to evaluate 'torchvision/vgg16'" in fails("evaluate", "torchvision/vgg16")
    folder = image_folder(3, 10)
    assert "3 classes and 3 channels; the net tells 10 classes in 1 channels" in fails(
        "evaluate", "--data", folder
    )
