"""Pictures, their masks and classes, and the spec that names them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from captum_deconvnet.errors import CaptumDeconvnetError, ImageError
from captum_deconvnet_benchmarks.runs.plan.spec import ModelChoice, Spec, read_spec, spec_of
from captum_deconvnet_benchmarks.runs.work.images import Picture, find_pictures
from captum_deconvnet_benchmarks.runs.work.models import RunModel


@pytest.fixture
def folder(tmp_path):
    """A photograph with a mask beside it, one with an alpha channel, and one with neither."""
    (tmp_path / "zoo").mkdir()
    left = Image.new("L", (300, 200))
    left.paste(255, (0, 0, 150, 200))
    Image.new("RGB", (300, 200), "red").save(tmp_path / "zoo/lion.jpg")
    left.save(tmp_path / "zoo/lion.mask.png")
    clear = Image.new("RGBA", (300, 200), (255, 0, 0, 255))
    clear.putalpha(left)
    clear.save(tmp_path / "owl@2.png")
    Image.new("RGB", (300, 200), "blue").save(tmp_path / "plain.png")
    return tmp_path


def test_masks_come_from_beside_or_from_transparency(folder):
    pictures = find_pictures(str(folder), background=100)
    assert list(pictures.names) == ["owl@2.png", "plain.png", "zoo/lion.jpg"]
    owl, plain, lion = (pictures[number] for number in range(3))
    assert owl.image.getpixel((10, 10)) == (255, 0, 0)
    assert owl.image.getpixel((290, 10)) == (100, 100, 100)
    for picture in (owl, lion):
        assert np.asarray(picture.mask).mean(0).tolist() == [255] * 150 + [0] * 150
    assert (plain.mask, plain.label, lion.label) == (None, None, "zoo")


@pytest.mark.parametrize(
    ("name", "cluster"),
    [("a@2.png", "a.png"), ("b/a@10.jpg", "b/a.jpg"), ("a@b.png", "a@b.png"), ("c.png", "c.png")],
)
def test_cuts_of_a_photograph_share_a_cluster(name, cluster):
    assert Picture(name, Image.new("RGB", (1, 1))).cluster == cluster


def test_a_mask_of_another_size_is_refused(folder):
    Image.new("L", (30, 20)).save(folder / "zoo/lion.mask.png")
    with pytest.raises(ImageError, match=r"lion.mask.png has \(30, 20\) pixels"):
        find_pictures(str(folder))[2]


def test_regions_go_through_the_models_own_scaling_and_crop(folder):
    choice = ModelChoice("torchvision/alexnet", "random", str(folder))
    run_model = RunModel(Spec((choice,)), choice, torch.device("cpu"))
    regions = run_model.block(2).regions
    # 300 x 200 becomes 384 x 256, of which the middle 224 x 224 is seen: columns 80 to 303. Half
    # of 384 is 192, so the object ends at column 112 of the input.
    wanted = torch.arange(224) < 112
    assert torch.equal(regions, wanted.expand(1, 224, 224))
    assert run_model.block(0).regions is None  # the plain photograph has no mask


def test_datasets_of_torchvision_bring_classes(tmp_path):
    pictures = find_pictures("torchvision/FakeData")
    assert isinstance(pictures[0].label, int)
    assert pictures[0].image.mode == "RGB"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "There is no model"),
        ({"models": ["a"]}, "a has no images"),
        ({"models": ["a"], "images": "x", "blocks": 3}, "Unknown key of a spec 'blocks'. Nearest"),
        ({"models": [{"weights": "x"}], "images": "x"}, "give its name"),
        ({"models": [{"model": "a", "weigth": 1}], "images": "x"}, "Nearest: weights"),
        ({"models": ["a", "a"], "images": "x"}, "called the same"),
        ({"models": ["a"], "images": "x", "block": 0}, "block is 0; a whole number of at least 1"),
        ({"models": ["a"], "images": "x", "seed": "one"}, "seed is 'one'"),
        ({"models": ["a"], "images": "x", "target": "cat"}, "target is 'cat'"),
        ({"models": ["a"], "images": "x", "target": True}, "target is True"),
        ({"models": 3, "images": "x"}, "models is 3; a list"),
        ({"models": ["a"], "images": "x", "parameters": {"metric": {}}}, "Nearest: metrics"),
        ({"models": ["a"], "images": "x", "parameters": {"metrics": {"m": 3}}}, "must have names"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_with_what_was_expected(content, message):
    with pytest.raises(CaptumDeconvnetError, match=message):
        spec_of(content)


def test_a_spec_goes_through_yaml_and_back(tmp_path):
    import yaml

    spec = spec_of(
        {
            "models": [
                "a",
                {"model": "b", "weights": "random", "label": "control"},
                {"model": "c", "parameters": {"metrics": {"road": {"steps": 5}}}},
            ],
            "explainers": "deconvnet",
            "images": "x",
            "parameters": {"metrics": {"road": {"steps": 3}}},
        }
    )
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec.as_plain()))
    assert spec_of(read_spec(path)) == spec
    assert [choice.name for choice in spec.models] == ["a", "control", "c"]
    path.write_text("- a\n")
    with pytest.raises(CaptumDeconvnetError, match="holds list"):
        read_spec(path)
    path.write_text("a: [")
    with pytest.raises(CaptumDeconvnetError, match="is no YAML"):
        read_spec(path)


def test_random_weights_are_the_same_at_every_load(folder):
    choice = ModelChoice("torchvision/squeezenet1_0", "random", str(folder))
    first, second = (RunModel(Spec((choice,)), choice, torch.device("cpu")) for _ in range(2))
    assert first.loaded.model is not second.loaded.model
    assert first.subject.weights_hash == second.subject.weights_hash
    assert first.subject.name == "torchvision/squeezenet1_0@random"
