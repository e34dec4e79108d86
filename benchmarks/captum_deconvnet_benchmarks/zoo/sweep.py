"""The sweep: a child process for each model, forked from a parent that has imported everything.

Importing torch, timm and torchvision takes seconds; a fork takes none. The parent runs no torch
operation, so that forking is safe, and is the only one that writes.

What one child process does: one model, one row, and exit.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from captum_deconvnet_benchmarks.zoo.census import size_of
from captum_deconvnet_benchmarks.zoo.measure import measure
from captum_deconvnet_benchmarks.zoo.row import CRASHED, FAILED, FEW_CONVOLUTIONS, TIMEOUT, SweepRow

Task = Callable[[str, Connection], None]
"""What a child does with a name and a pipe; such as ``work``."""

HEAVY = 150_000_000
"""A model of more parameters has no other such model beside it: memory."""

GLANCE = 0.5
"""Seconds between looks at the clock."""


@dataclass
class Job:
    """One child at work.

    Attributes:
        started: when it was given leave to build its model.
        is_heavy: whether it said that its model is large.
    """

    name: str
    process: BaseProcess
    started: float = field(default_factory=time.perf_counter)
    is_heavy: bool = False


class Sweep:
    """Visits models, several at a time.

    Args:
        names: the models.
        task: what each child does.
        jobs: how many children run at once.
        timeout: seconds that one model may take.
    """

    def __init__(self, names: Iterable[str], task: Task, jobs: int, timeout: float) -> None:
        """Wait to be iterated over."""
        self.names, self.heavy = deque(names), deque[str]()
        self.task, self.jobs, self.timeout = task, jobs, timeout
        self.running: dict[Connection, Job] = {}

    def rows(self) -> Iterator[SweepRow]:
        """The rows, in the order they are finished; when left early, no child is left behind."""
        try:
            while self.names or self.heavy or self.running:
                self._start()
                for pipe in wait(list(self.running), GLANCE):
                    assert isinstance(pipe, Connection)
                    yield from self._listen(pipe)
                yield from self._late()
        finally:
            for pipe in list(self.running):
                self._end(pipe, kill=True)

    def _start(self) -> None:
        """Start as many models as may run."""
        while len(self.running) < self.jobs and (name := self._next()) is not None:
            context = multiprocessing.get_context("fork")
            ours, theirs = context.Pipe()
            process = context.Process(target=self.task, args=(name, theirs))
            process.start()
            theirs.close()
            self.running[ours] = Job(name, process)

    def _next(self) -> str | None:
        """A heavy model if none is running, else any other."""
        if self.heavy and not self._has_heavy():
            return self.heavy.popleft()
        return self.names.popleft() if self.names else None

    def _has_heavy(self) -> bool:
        return any(job.is_heavy for job in self.running.values())

    def _listen(self, pipe: Connection) -> Iterator[SweepRow]:
        """A child spoke: it asks for leave, brings its row, or is gone."""
        job = self.running[pipe]
        try:
            message = pipe.recv()
        except EOFError:
            self._end(pipe)
            yield SweepRow(job.name, status=CRASHED, reason=f"exit code {job.process.exitcode}")
            return
        if isinstance(message, SweepRow):
            self._end(pipe)
            yield message
            return
        self._answer(pipe, job, parameters=message)

    def _answer(self, pipe: Connection, job: Job, parameters: int) -> None:
        """Let a model be built, or put it back if it is heavy and one such is running."""
        is_heavy = parameters > HEAVY
        leave = not (is_heavy and self._has_heavy())
        pipe.send(leave)
        if leave:
            job.started, job.is_heavy = time.perf_counter(), is_heavy
        else:
            self.heavy.append(job.name)
            self._end(pipe)

    def _late(self) -> Iterator[SweepRow]:
        """End the children that take too long."""
        now = time.perf_counter()
        for pipe, job in list(self.running.items()):
            if now - job.started > self.timeout:
                self._end(pipe, kill=True)
                yield SweepRow(job.name, status=TIMEOUT, reason=f"more than {self.timeout:g} s")

    def _end(self, pipe: Connection, *, kill: bool = False) -> None:
        """Wait for a child to exit."""
        job = self.running.pop(pipe)
        if kill:
            job.process.kill()
        job.process.join()
        pipe.close()


KILOBYTES_IN_MEGABYTE = 1024


Visit = Callable[[str, int, Connection], SweepRow | None]
"""Makes the row of a net by name, seed and pipe; none if the parent wants it later."""


def work(name: str, pipe: Connection, seed: int) -> None:
    """Send how many parameters a model has, wait for leave to build it, and send its row.

    Args:
        name: full name.
        pipe: to the parent. It gets an int, answers with a bool, and gets a :class:`SweepRow`; a
            model that is left out or refused leave sends only its row, or nothing.
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


def visit(name: str, seed: int, pipe: Connection) -> SweepRow | None:
    """The row of a model; none if the parent wants it later."""
    size = size_of(name)
    if size.has_few_convolutions:
        return SweepRow(name, size.family, FEW_CONVOLUTIONS, parameters=size.parameters)
    pipe.send(size.parameters)
    if not pipe.recv():
        return None
    row = timed(name, lambda: measure(name, size, seed))
    row.family, row.parameters = size.family, size.parameters
    return row


def timed(name: str, make: Callable[[], SweepRow]) -> SweepRow:
    """A row whatever happens, with the time that it took."""
    started = time.perf_counter()
    row = guarded(name, make)
    assert row is not None
    row.seconds = time.perf_counter() - started
    return row


def guarded(name: str, make: Callable[[], SweepRow | None]) -> SweepRow | None:
    """A row whatever happens: a failure is one too."""
    try:
        return make()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return SweepRow(name, status=FAILED, reason=reason)
