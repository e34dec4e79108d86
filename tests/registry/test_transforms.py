"""Pictures in, colours out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from captum_deconvnet.errors import ImageError
from captum_deconvnet.registry import ClipTransform, Denormalize, ImageTransform

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


@pytest.fixture
def colours():
    return torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)


def test_a_tensor_and_its_pillow_image_give_the_same_input(colours):
    image = Image.fromarray(colours.permute(1, 2, 0).numpy())
    transform = ImageTransform(to_tensor)
    assert torch.equal(transform(image), colours / 255)
    assert torch.equal(transform(colours), colours / 255)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_a_picture_of_any_mode_becomes_three_channels(colours, mode):
    image = Image.fromarray(colours.permute(1, 2, 0).numpy()).convert(mode)
    assert ImageTransform(to_tensor)(image).shape == (3, 5, 7)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((5, 7, 3)), torch.zeros(3, 5, 7), torch.zeros(2, 5, 7, dtype=torch.uint8), "cat.jpg"],
    ids=["array", "float", "two channels", "path"],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ImageError, match="Expected"):
        ImageTransform(to_tensor)(picture)


def test_denormalize_undoes_the_normalization(colours):
    inputs = normalize(colours / 255, MEAN, STD)
    assert torch.allclose(Denormalize(MEAN, STD)(inputs), colours / 255, atol=1e-6)
    assert torch.allclose(Denormalize(MEAN, STD)(inputs[None])[0], colours / 255, atol=1e-6)
    clip = torch.stack([inputs, inputs], dim=1)
    assert torch.allclose(Denormalize(MEAN, STD, -4)(clip)[:, 1], colours / 255, atol=1e-6)


def test_denormalized_colours_stay_between_black_and_white():
    values = Denormalize(MEAN, STD)(torch.tensor([-100.0, 0.0, 100.0]).view(3, 1, 1))
    assert values.flatten().tolist() == [0.0, 0.5, 1.0]


def test_a_picture_becomes_a_still_clip(colours):
    clip = ClipTransform(lambda frames: frames.permute(1, 0, 2, 3), frames=4)(colours)
    assert clip.shape == (3, 4, 5, 7)
    assert all(torch.equal(clip[:, frame], colours) for frame in range(4))


def test_pictures_become_a_clip_in_their_order(colours):
    transform = ClipTransform(lambda frames: frames, frames=4)
    frames = torch.stack([colours, colours.flip(2)])
    assert torch.equal(transform(frames), frames)
    assert torch.equal(transform(list(frames)), frames)


def test_a_clip_of_pictures_of_two_sizes_is_refused(colours):
    with pytest.raises(ImageError, match="all of one size"):
        ClipTransform(lambda frames: frames, frames=4)([colours, colours[:, :4]])
