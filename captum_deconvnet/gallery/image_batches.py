"""The images of a scan: a dataset, with what cannot be read named and left out."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from errno import EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT
from pathlib import Path
from typing import Any

import torch
from PIL import UnidentifiedImageError
from torch import Tensor
from torch.utils.data import DataLoader

from captum_deconvnet.errors import ImageError

Name = Callable[[int], str]


@dataclass(frozen=True)
class Batch:
    """Images that run through the model together.

    Args:
        asked: the numbers of the images that were to be in it.
        images: the numbers of those that could be read.
        inputs: these, (N, C, H, W); None if there is none.
        skipped: why each of the others could not, by number.
    """

    asked: tuple[int, ...]
    images: tuple[int, ...]
    inputs: Tensor | None
    skipped: dict[int, str]


@dataclass(frozen=True)
class Numbered:
    """A dataset of images or of (image, label, ...), seen as numbered images."""

    dataset: Any

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.dataset)

    def __getitem__(self, number: int) -> tuple[int, Tensor | str]:
        """The number with the image (C, H, W), or with the reason why it cannot be read."""
        try:
            item = self.dataset[number]
        except (ImageError, UnidentifiedImageError) as error:
            return number, str(error)
        except OSError as error:
            if not _is_of_the_picture(error):
                raise
            return number, str(error)
        image = item[0] if isinstance(item, tuple | list) else item
        if not isinstance(image, Tensor):
            raise ImageError(
                f"The dataset gives a {type(image).__name__} for image {number}; give it a "
                "transform that makes a tensor (C, H, W)."
            )
        return number, image


def _is_of_the_picture(error: OSError) -> bool:
    """Whether one picture cannot be read, and not its whole folder or disk.

    A link whose file is gone, a file that is gone, or one that may not be read.
    """
    if error.errno is None:
        return True
    folder = Path(os.fsdecode(error.filename or "")).parent
    return error.errno in (ENOENT, EACCES, ELOOP, EISDIR, ENAMETOOLONG) and folder.is_dir()


def count_of(dataset: Any) -> int:
    """How many images the dataset has.

    Raises:
        ImageError: if it has none, or no length.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise ImageError(
            f"A {type(dataset).__name__} cannot be asked for image number n: give a dataset with "
            "a length and items, or a tensor (N, C, H, W)."
        )
    if not len(dataset):
        raise ImageError("The dataset is empty: there is no image to look at.")
    return len(dataset)


def image_namer(dataset: Any) -> Name:
    """What to call an image: its file, where the dataset says so, or its number."""
    if isinstance(dataset, Tensor):  # older ones of torch have names, those of their dimensions
        return lambda number: f"image {number}"
    names = getattr(dataset, "names", None)
    samples = getattr(dataset, "samples", None)  # torchvision's folders
    if isinstance(names, Sequence):
        return lambda number: str(names[number])
    if isinstance(samples, Sequence):
        return lambda number: str(samples[number][0])
    return lambda number: f"image {number}"


def batches(dataset: Any, numbers: Iterable[Sequence[int]], workers: int) -> Iterator[Batch]:
    """Read the batches of images with these numbers, in ``workers`` processes beside this one."""
    loader: Iterable[Batch] = DataLoader(
        Numbered(dataset),  # type: ignore[arg-type]
        batch_sampler=(list(chunk) for chunk in numbers),
        num_workers=workers,
        collate_fn=collate,
    )
    try:
        found = iter(loader)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ImageError(
            f"The dataset cannot be sent to worker processes ({error}): give num_workers=0, or "
            "define what it holds at the top of a file, without lambda."
        ) from error
    try:
        yield from found
    except ImageError as error:
        raise ImageError(str(error).strip().splitlines()[-1].split("ImageError: ")[-1]) from None


def collate(items: Sequence[tuple[int, Tensor | str]]) -> Batch:
    """One batch of numbered images."""
    found = [(number, item) for number, item in items if isinstance(item, Tensor)]
    shapes = {tuple(image.shape) for _, image in found}
    if len(shapes) > 1:
        sizes = ", ".join(str(shape) for shape in sorted(shapes))
        raise ImageError(f"The images have several sizes, {sizes}: give a transform to one size.")
    return Batch(
        tuple(number for number, _ in items),
        tuple(number for number, _ in found),
        torch.stack([image for _, image in found]) if found else None,
        {number: item for number, item in items if isinstance(item, str)},
    )
