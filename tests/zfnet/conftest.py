"""What the tests of ``zfnet/*`` share: small generated data sets, in files as users have them."""

from __future__ import annotations

import colorsys
import gzip
import struct

import numpy as np
import pytest
from PIL import Image


def stripes(classes, each, seed=0, size=28):
    """Pictures (N, size, size) of horizontal stripes in noise: class c has c + 1 of them."""
    chance = np.random.default_rng(seed)
    labels = np.tile(np.arange(classes), each)
    rows = np.arange(size) / size
    phases = chance.uniform(0, 0.2, len(labels))
    waves = 0.5 + 0.4 * np.sin(2 * np.pi * ((labels[:, None] + 1) * rows + phases[:, None]))
    noise = chance.normal(0, 0.05, (len(labels), size, size))
    pictures = np.clip(waves[:, :, None] + noise, 0, 1)
    return (255 * pictures).astype(np.uint8), labels.astype(np.uint8)


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes(), 1))


@pytest.fixture(scope="session")
def striped_clothes(tmp_path_factory):
    """A folder with the four files of Fashion-MNIST, and stripes in them."""
    folder = tmp_path_factory.mktemp("striped_clothes")
    for part, each, seed in (("train", 128, 0), ("t10k", 5, 1)):
        pictures, labels = stripes(10, each, seed)
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pictures)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.fixture
def image_folder(tmp_path):
    """Make a folder of coloured stripes: ``image_folder(classes, each)``; ten hues for each."""

    def make(classes, each):
        for label in range(classes):
            place = tmp_path / "images" / f"class{label:03d}"
            place.mkdir(parents=True)
            grey, _ = stripes(label // 10 + 1, each, seed=label, size=32)
            colour = np.array(colorsys.hsv_to_rgb(label % 10 / 10, 1, 1))
            for index in range(each):
                picture = grey[index * (label // 10 + 1) + label // 10, :, :, None] * colour
                Image.fromarray(picture.astype(np.uint8)).save(place / f"{index}.png")
        return tmp_path / "images"

    return make
