"""The photograph around what a model sees, against the model's own preprocessing."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import captum_deconvnet as cdn
from captum_deconvnet.invariance.wide_input import wide_input
from captum_deconvnet.registry import ImageTransform, LoadedModel

ndimage = pytest.importorskip("scipy.ndimage", reason="the extra bench brings scipy")


def network(channels=3, resize=64, crop=56, after=None):
    """A net that is never run, with an ordinary preprocessing."""
    steps = v2.Compose(
        [
            v2.Grayscale(1) if channels == 1 else v2.Lambda(lambda image: image),
            v2.Resize(resize, antialias=True),
            v2.CenterCrop(crop),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.4] * channels, [0.3] * channels),
            v2.Lambda(after or (lambda image: image)),
        ]
    )
    return LoadedModel(
        "test/net", torch.nn.Identity(), ImageTransform(steps), lambda x: x, (channels, crop, crop)
    )


def photograph(width=300, height=200):
    noise = np.random.default_rng(0).random((height, width, 3))
    smooth = ndimage.gaussian_filter(noise, (9, 9, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return Image.fromarray((255 * smooth).astype(np.uint8))


def centre(pixels, height, width):
    top, left = (pixels.shape[-2] - height) // 2, (pixels.shape[-1] - width) // 2
    return pixels[..., top : top + height, left : left + width]


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (64, 64), (401, 257)])
@pytest.mark.parametrize("channels", [1, 3])
def test_its_centre_is_what_the_model_sees(size, channels):
    loaded, picture = network(channels), photograph(*size)
    source = wide_input(loaded, picture, 10)
    seen = loaded.transform(picture)
    assert source.crop == (56, 56)
    assert (centre(source.pixels[0], 56, 56) - seen).abs().mean() < 0.03


def test_its_border_is_what_a_model_with_a_larger_view_would_see():
    picture = photograph()
    source = wide_input(network(crop=48), picture, 8)
    larger = network(crop=64).transform(picture)
    assert source.pixels.shape == (1, 3, 64, 64) or source.pixels.shape == (1, 3, 62, 64)
    height, width = source.pixels.shape[-2:]
    assert (source.pixels[0] - centre(larger, height, width)).abs().mean() < 0.03


def test_there_is_no_more_around_it_than_the_photograph_has():
    source = wide_input(network(resize=56, crop=56), photograph(300, 200), 1000)
    # The short side is all seen; the long one has (84 - 56) / 2 = 14 pixels more on both sides.
    assert source.pixels.shape[-2] == 56
    assert source.pixels.shape[-1] in (82, 84)


@pytest.mark.parametrize(
    "after", [partial(torch.flip, dims=(-1,)), partial(torch.rot90, dims=(-2, -1)), torch.square]
)
def test_a_preprocessing_that_does_more_is_not_guessed_at(after):
    assert wide_input(network(after=after), photograph(), 10) is None


def test_real_preprocessings_are_followed():
    loaded = cdn.load_model("torchvision/alexnet", "random")
    picture = photograph(640, 480)
    source = wide_input(loaded, picture, 60)
    assert source.crop == (224, 224)
    assert min(source.pixels.shape[-2:]) in (254, 256)
