"""Batches in an order that seed and epoch alone decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from captum_deconvnet_zfnet.data.pictures import Pictures

Batch = tuple[Tensor, Tensor]


def generator_for(seed: int, *place: int) -> torch.Generator:
    """A generator for one place of a run, such as an epoch and a step: never the same twice."""
    for number in place:
        seed = seed * 1_000_003 + number + 1
    return torch.Generator().manual_seed(seed % 2**63)


def shuffled(count: int, seed: int, epoch: int, batch: int) -> list[list[int]]:
    """The numbers below ``count`` in random order, cut into whole batches; the rest waits.

    A set smaller than a batch is one batch.
    """
    order = torch.randperm(count, generator=generator_for(seed, epoch)).tolist()
    batch = min(batch, count)
    return [order[start : start + batch] for start in range(0, count - batch + 1, batch)]


def in_order(count: int, batch: int) -> list[list[int]]:
    """The numbers below ``count``, cut into batches; the last may be smaller."""
    return [list(range(start, min(start + batch, count))) for start in range(0, count, batch)]


def read(pictures: Pictures, order: Sequence[list[int]], workers: int = 0) -> Iterator[Batch]:
    """Pictures (n, C, S, S) of unsigned 8-bit colours and labels (n,), a batch for each row.

    Args:
        pictures: where they come from.
        order: the numbers of each batch's pictures.
        workers: processes that read ahead; 0 reads in this one.
    """
    dataset: Any = pictures
    # A generator of its own: a loader without one draws a number from torch's global stream.
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_sampler=order, num_workers=workers, generator=torch.Generator()
    )
    yield from loader
