"""One run at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from captum_deconvnet.cli.names import readable
from captum_deconvnet.errors import OutputError

LOCK = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; the system frees it when a run ends, however it ends.

    Raises:
        OutputError: another run works there.
    """
    path = folder / LOCK
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"Another run works in {readable(folder)}: wait until it ends, or give another --out."
        ) from error
    try:
        yield
    finally:
        remove(path)
        lock.release()


def remove(path: Path) -> None:
    """Remove the lock's file, where the system lets an open file be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # Windows: the next run takes the file that is there
        return
