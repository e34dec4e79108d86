"""Work shared by the processes of ``torchrun``: who takes what is next, and who waits for whom."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

Item = TypeVar("Item")
PATIENCE = timedelta(days=30)
"""How long a process waits for the others; torchrun ends them all when one of them fails."""


@dataclass(frozen=True)
class SharedWork:
    """The processes that torchrun started, which know each other through its store.

    Args:
        store: torchrun's key-value store.
        rank: the number of this process.
        world: how many there are.
    """

    store: Any
    rank: int
    world: int

    @property
    def is_leader(self) -> bool:
        """Whether this process does what only one may do."""
        return self.rank == 0

    def take(self, items: Sequence[Item]) -> Iterator[Item]:
        """The items that no other process has taken, one by one."""
        while (number := self.store.add("taken", 1) - 1) < len(items):
            yield items[number]

    def announce(self, message: str) -> None:
        """Tell the others that something is done."""
        self.store.set(message, b"")

    def wait_for(self, *messages: str) -> None:
        """Wait until all of this was said."""
        self.store.wait(list(messages), PATIENCE)

    def wait_for_all(self, name: str) -> None:
        """Wait until every process is here."""
        self.announce(f"{name}/{self.rank}")
        self.wait_for(*(f"{name}/{rank}" for rank in range(self.world)))


def under_torchrun(work: str) -> SharedWork | None:
    """The processes that share ``work`` with this one; None if torchrun started no others."""
    environment = os.environ
    if "TORCHELASTIC_RUN_ID" not in environment or int(environment.get("WORLD_SIZE", "1")) < 2:
        return None
    store, rank, world = next(rendezvous("env://"))
    attempt = environment.get("TORCHELASTIC_RESTART_COUNT", "0")
    own = PrefixStore(f"captum_deconvnet/{attempt}/{work}", store)
    return SharedWork(own, rank, world)
