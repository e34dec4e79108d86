"""A model whose plugin can build it in the sizes of a weights file."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import nn

from captum_deconvnet.errors import WeightsError
from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel, hookimpl, load_model


def described(classes, resized=None):
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.append(nn.Linear(2, classes))
    return LoadedModel(
        "any",
        net,
        ImageTransform(lambda picture: torch.zeros(3, 8, 8)),
        Denormalize((0,) * 3, (1,) * 3),
        (3, 8, 8),
        resized=resized,
        samples=lambda: {"grey": Image.new("L", (8, 8))},
    )


class Plugin:
    def __init__(self, resized):
        self.resized = resized

    @hookimpl
    def register_models(self, register):
        register("acme", ["net"], lambda name, weights: described(1000, self.resized))


@pytest.fixture
def seven(tmp_path):
    """The weights of a net of seven classes."""
    path = tmp_path / "seven.pth"
    torch.save(described(7).model.state_dict(), path)
    return path


def test_the_model_takes_the_sizes_of_the_weights(registry, seven):
    registry.register(Plugin(lambda weights: described(len(weights["3.bias"]))), "acme")
    loaded = load_model("acme/net", weights=seven, registry=registry)
    assert loaded.model(torch.zeros(1, 3, 8, 8)).shape == (1, 7)
    assert (loaded.name, loaded.weights, loaded.model.training) == ("acme/net", seven, False)
    assert torch.equal(loaded.model[3].bias, torch.load(seven)["3.bias"])


def test_a_model_of_fixed_size_refuses_them(registry, seven):
    registry.register(Plugin(None), "acme")
    with pytest.raises(WeightsError, match=r"3\.weight is 7x2 where the model has 1000x2"):
        load_model("acme/net", weights=seven, registry=registry)


def test_sample_pictures_come_with_the_model(registry):
    registry.register(Plugin(None), "acme")
    (name, picture), *none = load_model("acme/net", registry=registry).samples().items()
    assert (name, picture.size, none) == ("grey", (8, 8), [])
