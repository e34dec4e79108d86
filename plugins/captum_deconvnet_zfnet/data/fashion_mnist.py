"""Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, MIT licence), from its four idx files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.data.pictures import DataSet, TensorPictures, first_classes

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> Tensor:
    """Read unsigned bytes of any shape from an idx file.

    Args:
        path: the file; one that ends in ``.gz`` is unpacked on the way.

    Raises:
        DataError: the file is no idx file of bytes, or is cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}.") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} is not an idx file of bytes: it starts with {content[:4]!r}.")
    start = 4 + 4 * content[3]
    shape = struct.unpack(f">{content[3]}I", content[4:start]) if len(content) >= start else (1,)
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{path} is damaged: {max(len(content) - start, 0)} bytes where "
            f"{' x '.join(map(str, shape))} were expected."
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:].reshape(shape)


DEBIAN = Path("/usr/share/datasets/fashion-mnist")
INSTALL = "apt install dataset-fashion-mnist, or --data DIR with its four idx files"
CATEGORIES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SIZE = 28
MARGIN = 2
"""Black pixels on every side to crop in: 32 for crops of 28 are the paper's 256 for 224."""

VALIDATION = 5000
"""The last training images; the test images are for the last word only."""


def is_there(folder: Path) -> bool:
    """Whether the folder has the set's files."""
    return any(folder.glob("train-images-idx3-ubyte*"))


def read_fashion_mnist(folder: Path = DEBIAN, classes: int | None = None) -> DataSet:
    """Read the set.

    Args:
        folder: where its four files are, plain or gzipped.
        classes: use only so many classes, the first ones.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not fit.
    """
    count = first_classes(classes, CATEGORIES, "Fashion-MNIST")
    pictures, labels = read_pairs(folder, "train", count)
    cut = len(labels) - min(VALIDATION, len(labels) // 10)
    test = TensorPictures(*read_pairs(folder, "t10k", count))
    return DataSet(
        name="Fashion-MNIST",
        categories=CATEGORIES[:count],
        train=TensorPictures(pictures[:cut], labels[:cut]),
        validation=TensorPictures(pictures[cut:], labels[cut:]),
        test=test,
        channels=1,
    )


def read_pairs(folder: Path, split: str, classes: int = len(CATEGORIES)) -> tuple[Tensor, Tensor]:
    """The pictures (N, 1, 32, 32) and labels (N,) of ``train`` or ``t10k``."""
    pictures = read_idx(found(folder, f"{split}-images-idx3-ubyte"))
    labels = read_idx(found(folder, f"{split}-labels-idx1-ubyte")).long()
    if pictures.shape[1:] != (SIZE, SIZE) or len(pictures) != len(labels):
        raise DataError(
            f"{folder} has {tuple(pictures.shape)} {split} images and {len(labels)} labels; "
            f"(N, {SIZE}, {SIZE}) and N were expected."
        )
    if len(labels) and int(labels.max()) >= len(CATEGORIES):
        raise DataError(f"{folder} has a {split} label {int(labels.max())}; 0 to 9 were expected.")
    kept = labels < classes
    return F.pad(pictures[kept].unsqueeze(1), (MARGIN,) * 4), labels[kept]


def found(folder: Path, name: str) -> Path:
    """The file of that name, plain or gzipped.

    Raises:
        DataError: there is neither.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder} has no {name} or {name}.gz: {INSTALL}.")


def check_size(size: int) -> None:
    """Refuse nets for pictures of another size.

    Raises:
        DataError: the net's pictures are not of 28 pixels.
    """
    if size != SIZE:
        raise DataError(
            f"Fashion-MNIST has pictures of {SIZE} pixels, and this net takes {size}: "
            "use --net compact."
        )
