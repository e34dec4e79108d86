"""Image folders: a folder a class, split by ``train`` and ``val`` folders or by us."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as transforms
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.data.pictures import DataSet, first_classes

Sample = tuple[str, int]

VALIDATION_SHARE = 10
"""Without a ``val`` folder, every tenth image of a class validates."""


class FolderPictures(Dataset[tuple[Tensor, int]]):
    """Images on disk, each read when asked for.

    Args:
        samples: path and class of each.
        side: of the pictures made of them, in pixels.
    """

    def __init__(self, samples: Sequence[Sample], side: int) -> None:
        """Remember what to read."""
        self.samples, self.side = samples, side
        self.labels: Sequence[int] = [label for _, label in samples]

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """A picture (3, side, side) and its class."""
        path, label = self.samples[index]
        return picture(path, self.side), label


def opened(path: str | Path) -> Image.Image:
    """The image, in colour.

    Raises:
        DataError: the file is no image, or is damaged.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises on damaged files
        raise DataError(f"{path} is not an image, or is damaged: {error}.") from error


def picture(path: str, side: int) -> Tensor:
    """The image with its shorter side at ``side`` and its centre cut out: (3, side, side).

    Raises:
        DataError: the file is no image, or is damaged.
    """
    resized = transforms.resize(opened(path), side, antialias=True)
    pixels: Tensor = transforms.pil_to_tensor(transforms.center_crop(resized, [side, side]))
    return pixels


def read_image_folder(
    folder: Path, side: int, classes: int | None = None, *, skip_corrupt: bool = False
) -> DataSet:
    """Find the images of a folder, and try each one.

    Args:
        folder: has ``train`` and ``val`` folders with a folder for each class, or these at once.
        side: of the pictures, in pixels.
        classes: use only so many classes, the first by name.
        skip_corrupt: leave out images that cannot be read and name them; else they are an error.

    Raises:
        DataError: there is no such folder, it has no images or too few, or one is corrupt.
    """
    train, names = _found(folder / "train" if (folder / "train").is_dir() else folder)
    count = first_classes(classes, names, str(folder))
    if (folder / "val").is_dir():
        validation, validation_names = _found(folder / "val")
        if validation_names != names:
            raise DataError(f"{folder / 'train'} and {folder / 'val'} differ in their classes.")
    else:
        train, validation = _split(train)
    train, validation = (
        _readable([sample for sample in split if sample[1] < count], skip_corrupt)
        for split in (train, validation)
    )
    return DataSet(
        name=str(folder),
        categories=tuple(names[:count]),
        train=FolderPictures(train, side),
        validation=FolderPictures(validation, side),
        test=None,
        channels=3,
    )


def _found(folder: Path) -> tuple[list[Sample], list[str]]:
    """The images of a folder and the names of its classes."""
    if not folder.is_dir():
        raise DataError(f"No such folder: {folder}.")
    try:
        found = ImageFolder(str(folder), allow_empty=True)
    except FileNotFoundError as error:
        raise DataError(f"{folder} has no folder for a class: {error}") from error
    return found.samples, found.classes


def _split(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Every tenth image of a class apart, by name; the same at every call."""
    train: list[Sample] = []
    validation: list[Sample] = []
    seen: dict[int, int] = {}
    for sample in samples:
        seen[sample[1]] = seen.get(sample[1], 0) + 1
        (train if seen[sample[1]] % VALIDATION_SHARE else validation).append(sample)
    return train, validation


def _readable(samples: Sequence[Sample], skip_corrupt: bool) -> list[Sample]:
    """The images that can be read; the others are named."""
    with ThreadPoolExecutor() as pool:
        problems = list(
            tqdm(
                pool.map(_problem, samples),
                "reading images",
                len(samples),
                leave=False,
                disable=None,
            )
        )
    corrupt = [problem for problem in problems if problem]
    if corrupt and not skip_corrupt:
        more = f" ({len(corrupt)} such files; --corrupt skip leaves them out)"
        raise DataError(corrupt[0] + more)
    for problem in corrupt:
        tqdm.write(f"skipped: {problem}")
    return [sample for sample, problem in zip(samples, problems, strict=True) if not problem]


def _problem(sample: Sample) -> str:
    try:
        picture(sample[0], 8)
    except DataError as error:
        return str(error)
    return ""


def kept_side(size: int) -> int:
    """The side to keep pictures at, to crop ``size`` in: 256 for 224, as in the paper."""
    return round(size * 8 / 7)
