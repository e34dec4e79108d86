"""Telling data apart: a saved scan knows every image that it looked at by its content.

An image is known by a checksum of what the dataset gave for it, its transform included. What a
scan says it has done is read again before it is believed: images without a file of their own and
those whose file was changed all, of the others some, since only their transform can differ.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.errors import ImageError, ScanError
from captum_deconvnet.gallery.images import Batch, Name, batches
from captum_deconvnet.gallery.model_identity import checksum
from captum_deconvnet.gallery.top_activations import TopActivations

UNREADABLE = -1
ALL = 256
"""So many images are all read again; of more, this many or every ``SHARE``-th."""
SHARE = 50
TOGETHER = 32


def contents_of(batch: Batch) -> list[int]:
    """A checksum of every image that was asked for, with its type and shape."""
    if batch.inputs is None:
        return [UNREADABLE] * len(batch.asked)
    found = {
        number: zlib.crc32(f"{image.dtype} {tuple(image.shape)}".encode(), checksum(image))
        for number, image in zip(batch.images, batch.inputs, strict=True)
    }
    return [found.get(number, UNREADABLE) for number in batch.asked]


def stamp_of(name: str) -> int:
    """A checksum of a file's size and time of change; 0 where there is no such file."""
    try:
        about = os.stat(name)
    except (OSError, ValueError):
        return 0
    return zlib.crc32(f"{about.st_size} {about.st_mtime_ns}".encode()) + 1


def probe(dataset: Any, count: int, workers: int, *, twice: bool) -> list[str]:
    """The contents of the first, middle and last image, by which datasets are told apart.

    Raises:
        ImageError: if they are to be read twice and differ.
    """
    numbers = sorted({0, count // 2, count - 1})
    asked = [numbers, numbers] if twice else [numbers]
    once, *again = [contents_of(batch) for batch in batches(dataset, asked, min(workers, 1))]
    if again and again[0] != once:
        number = next(n for n, a, b in zip(numbers, once, again[0], strict=True) if a != b)
        raise ImageError(
            f"The dataset gives another image {number} each time it is asked: such a scan cannot "
            "be saved. Give a transform without chance, or no out=FILE."
        )
    return [str(content) for content in once]


def check_images(scan: TopActivations, dataset: Any, name: Name, workers: int) -> None:
    """Raise if a scan has looked at other images than the dataset's.

    Raises:
        ScanError: naming the first image that is not what it was.
    """
    numbers = _to_read(scan, name)
    chunks = [numbers[first : first + TOGETHER] for first in range(0, len(numbers), TOGETHER)]
    for batch in batches(dataset, chunks, workers):
        for number, content in zip(batch.asked, contents_of(batch), strict=True):
            if content != int(scan.contents[number]):
                raise ScanError(
                    f"is a scan of other images, or of these with another transform: "
                    f"{name(number)} is not what it was. Remove it, or save this scan elsewhere."
                )


def _to_read(scan: TopActivations, name: Name) -> list[int]:
    """The numbers of the images to read again."""
    done = scan.done.nonzero().flatten().tolist()
    stamps = scan.stamps.tolist()
    known = {n for n in done if stamps[n] and stamps[n] == stamp_of(name(n))}
    count = max(ALL, len(known) // SHARE)
    return sorted({*done} - known | set(_spread(sorted(known), count)))


def _spread(numbers: Sequence[int], count: int) -> Iterator[int]:
    """As many of the numbers, evenly spread; all if there are fewer."""
    step = max(1.0, len(numbers) / count)
    return (numbers[int(place * step)] for place in range(min(count, len(numbers))))


def noted(scan: TopActivations, batch: Batch, name: Name) -> tuple[Tensor, Tensor]:
    """A scan's contents and stamps, those of a batch added."""
    contents, stamps = scan.contents.clone(), scan.stamps.clone()
    asked = list(batch.asked)
    contents[asked] = torch.tensor(contents_of(batch), dtype=torch.int64)
    stamps[asked] = torch.tensor([stamp_of(name(number)) for number in asked], dtype=torch.int64)
    return contents, stamps
