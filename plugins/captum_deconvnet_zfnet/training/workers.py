"""The processes of one run: this one alone, or those that ``torchrun`` started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from captum_deconvnet.cli.loading import device_of


@dataclass(frozen=True)
class Workers:
    """This process among its fellows.

    Args:
        rank: its number, from 0; the first writes the files.
        count: how many there are.
        device: that it computes on.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def joined(self, net: nn.Module) -> nn.Module:
        """The net with gradients averaged over all processes; itself if there is one."""
        return net if self.count == 1 else DistributedDataParallel(net)

    def share(self, batch: list[int]) -> list[int]:
        """This process's part of a batch."""
        return batch[self.rank :: self.count]

    def mean(self, value: Tensor) -> float:
        """A number averaged over all processes."""
        if self.count > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
        return float(value) / self.count


@contextmanager
def workers(device: str | None = None) -> Iterator[Workers]:
    """The processes of this run, joined for as long as the context lasts.

    Args:
        device: the kind to compute on; by default a GPU of its own if there is one, else the CPU.

    Raises:
        ModelError: this machine has none of that kind.
    """
    kind = device_of(device or "auto").type
    count, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    local = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if kind == "cuda" else kind
    if count == 1:
        yield Workers(0, 1, torch.device(local))
        return
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield Workers(rank, count, torch.device(local))
    finally:
        dist.destroy_process_group()
