"""What one child process does: one model, one row, and exit."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch

from captum_deconvnet_benchmarks.zoo.census import size_of
from captum_deconvnet_benchmarks.zoo.measure import measure
from captum_deconvnet_benchmarks.zoo.row import FAILED, FEW_CONVOLUTIONS, Row

KILOBYTES_IN_MEGABYTE = 1024


Visit = Callable[[str, int, Connection], Row | None]
"""Makes the row of a net by name, seed and pipe; none if the parent wants it later."""


def work(name: str, pipe: Connection, seed: int) -> None:
    """Send how many parameters a model has, wait for leave to build it, and send its row.

    Args:
        name: full name.
        pipe: to the parent. It gets an int, answers with a bool, and gets a :class:`Row`; what is
            left out or refused leave sends only its row, or nothing.
        seed: of weights and picture.
    """
    send_row(visit, name, pipe, seed)


def send_row(visit: Visit, name: str, pipe: Connection, seed: int) -> None:
    """Send the row that ``visit`` makes, if it makes one."""
    torch.set_num_threads(1)
    row = guarded(name, lambda: visit(name, seed, pipe))
    if row is not None:
        row.peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (
            KILOBYTES_IN_MEGABYTE
        )
        pipe.send(row)
    pipe.close()


def visit(name: str, seed: int, pipe: Connection) -> Row | None:
    """The row of a model; none if the parent wants it later."""
    size = size_of(name)
    if size.has_few_convolutions:
        return Row(name, size.family, FEW_CONVOLUTIONS, parameters=size.parameters)
    pipe.send(size.parameters)
    if not pipe.recv():
        return None
    row = timed(name, lambda: measure(name, size, seed))
    row.family, row.parameters = size.family, size.parameters
    return row


def timed(name: str, make: Callable[[], Row]) -> Row:
    """A row whatever happens, with the time that it took."""
    started = time.perf_counter()
    row = guarded(name, make)
    assert row is not None
    row.seconds = time.perf_counter() - started
    return row


def guarded(name: str, make: Callable[[], Row | None]) -> Row | None:
    """A row whatever happens: a failure is one too."""
    try:
        return make()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Row(name, status=FAILED, reason=reason)
