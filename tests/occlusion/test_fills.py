"""Fills of pictures of any number of channels, of whole numbers too, against literal ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torchvision.transforms.functional import gaussian_blur

import captum_deconvnet as cdn
from captum_deconvnet.errors import ModelError, UnknownNameError

CHANNELS = (1, 2, 3, 4, 12)
BOXES = [cdn.Box(2, 3, 7, 9), cdn.Box(9, 8, 13, 15), cdn.Box(0, 0, 6, 6)]


class OfBytes(nn.Module):
    """A net that scales its pictures itself, whatever their type."""

    def __init__(self, channels):
        super().__init__()
        torch.manual_seed(channels)
        self.conv, self.head = nn.Conv2d(channels, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.conv(x.float() / 255).relu().mean((2, 3)))


def pictures(channels, dtype):
    drawn = torch.Generator().manual_seed(channels)
    return torch.randint(0, 256, (3, channels, 16, 18), generator=drawn).to(dtype)


def means(images):
    rows = [[channel.double().mean() for channel in image] for image in images]
    found = torch.tensor(rows, dtype=torch.float64)[:, :, None, None]
    return found if images.is_floating_point() else found.round()


def blurred(images):
    side = 2 * int(min(40, (min(images.shape[-2:]) - 1) // 2)) + 1
    return gaussian_blur(images, [side, side], [10.0, 10.0])


FILLS = {
    "mean": ("mean", means),
    "blur": ("blur", blurred),
    "a number": (7, lambda images: torch.full((1, 1, 1, 1), 7)),
    "nothing said": (None, lambda images: torch.zeros(1, 1, 1, 1)),
    "a function": (lambda images: images.flip(-1), lambda images: images.flip(-1)),
}


def hidden(images, fill, boxes):
    cover = fill(images).to(images.dtype).expand(images.shape)
    found = images.clone()
    for number, box in enumerate(boxes):
        for row in range(box.top, box.bottom):
            for column in range(box.left, box.right):
                found[number, :, row, column] = cover[number, :, row, column]
    return found


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32], ids=str)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("kind", FILLS)
def test_correspondence_is_that_of_pictures_covered_by_hand(kind, channels, dtype):
    if kind == "blur" and dtype is torch.int32:
        pytest.skip("torchvision blurs bytes and floating point")
    net, images = OfBytes(channels).eval(), pictures(channels, dtype)
    fill, literal = FILLS[kind]
    found = cdn.PartCorrespondence(net, "conv").attribute(images, {"part": BOXES}, fill=fill)
    with torch.no_grad():
        changes = [
            net.conv(each.float() / 255) for each in (images, hidden(images, literal, BOXES))
        ]
    signs = (changes[0] - changes[1]).flatten(1).sign()
    pairs = [
        float((signs[one] != signs[other]).double().mean())
        for one in range(3)
        for other in range(3)
        if one != other
    ]
    assert_close(found["conv"]["part"].mean, sum(pairs) / 6, rtol=1e-12, atol=1e-12)
    assert found["conv"]["part"].pairs == 6


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("kind", FILLS)
def test_sensitivity_is_that_of_pictures_covered_by_hand(kind, channels):
    net, images = OfBytes(channels).eval(), pictures(channels, torch.uint8)
    fill, literal = FILLS[kind]
    maps = cdn.OcclusionSensitivity(net).attribute(images, 1, window=6, stride=6, fill=fill)
    with torch.no_grad():
        expected = net(hidden(images, literal, [cdn.Box(6, 12, 12, 18)] * 3)).softmax(1)[:, 1]
    assert_close(maps.probability[:, 1, 2], expected)


def test_a_fill_that_is_none_is_named():
    parts = cdn.PartCorrespondence(OfBytes(3).eval(), "conv")
    images = pictures(3, torch.float32)
    with pytest.raises(UnknownNameError, match="Nearest: mean"):
        parts.attribute(images, {"part": BOXES}, fill="mea")
    with pytest.raises(ModelError, match="does not fit images"):
        parts.attribute(images, {"part": BOXES}, fill=torch.zeros(5, 1, 1))
