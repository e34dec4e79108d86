"""Opens what ``--data`` names: Fashion-MNIST's files, or a folder of images."""

from __future__ import annotations

from pathlib import Path

from captum_deconvnet_zfnet.data import fashion_mnist
from captum_deconvnet_zfnet.data.image_folder import kept_side, read_image_folder
from captum_deconvnet_zfnet.data.pictures import DataSet


def open_data(
    folder: Path, size: int, classes: int | None = None, *, skip_corrupt: bool = False
) -> DataSet:
    """The data set in a folder.

    Args:
        folder: of Fashion-MNIST's idx files, or of images.
        size: side of the net's pictures, in pixels.
        classes: use only so many classes, the first ones.
        skip_corrupt: leave out images that cannot be read, and name them.

    Raises:
        DataError: there is no such data, or it cannot be learned from.
    """
    if fashion_mnist.is_there(folder) or folder == fashion_mnist.DEBIAN:
        fashion_mnist.check_size(size)
        return fashion_mnist.read_fashion_mnist(folder, classes)
    return read_image_folder(folder, kept_side(size), classes, skip_corrupt=skip_corrupt)
