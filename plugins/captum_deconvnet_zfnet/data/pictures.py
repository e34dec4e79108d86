"""What a trainer needs of a data set: pictures and labels by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from captum_deconvnet.errors import DataError

FEWEST = 5
"""Images that a class needs to be learned from at all."""


class Pictures(Protocol):
    """Labelled pictures of one shape, somewhat larger than the net's, to be cropped."""

    @property
    def labels(self) -> Sequence[int]:
        """The class of each picture."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """A picture (C, S, S) of unsigned 8-bit colours, and its class."""


class TensorPictures(Dataset[tuple[Tensor, int]]):
    """Pictures that are all in memory.

    Args:
        pictures: (N, C, S, S), unsigned 8-bit.
        labels: one a picture.
    """

    def __init__(self, pictures: Tensor, labels: Tensor) -> None:
        """Take both as they are."""
        self.pictures = pictures
        self.labels: Sequence[int] = labels.tolist()

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """A picture (C, S, S) and its class."""
        return self.pictures[index], self.labels[index]


@dataclass(frozen=True)
class DataSet:
    """Pictures to learn from and to be judged by.

    Args:
        name: what to call it.
        categories: the name of each class.
        train: to learn from.
        validation: to see when the learning rate must fall; never learned from.
        test: for the last word; ``None`` if the set has none.
        channels: 1 or 3.
    """

    name: str
    categories: tuple[str, ...]
    train: Pictures
    validation: Pictures
    test: Pictures | None
    channels: int

    def __post_init__(self) -> None:
        """Refuse what cannot be learned.

        Raises:
            DataError: fewer than two classes, or a class with too few images.
        """
        if len(self.categories) < 2:
            raise DataError(
                f"{self.name} has {len(self.categories)} class; a classifier needs two or more."
            )
        for pictures, fewest, use in (
            (self.train, FEWEST, "to learn from"),
            (self.validation, 1, "to validate with"),
        ):
            counts = torch.bincount(
                torch.tensor(pictures.labels, dtype=torch.long), minlength=len(self.categories)
            )
            if counts.min() < fewest:
                name = self.categories[int(counts.argmin())]
                raise DataError(
                    f"The class {name!r} of {self.name} has {int(counts.min())} images {use}; "
                    f"{fewest} or more are needed."
                )


def first_classes(count: int | None, categories: Sequence[str], name: str) -> int:
    """How many classes to use when ``count`` are asked for, the first by name.

    Raises:
        DataError: there are not so many.
    """
    if count is None:
        return len(categories)
    if count > len(categories):
        raise DataError(f"{name} has {len(categories)} classes; {count} were asked for.")
    return count
