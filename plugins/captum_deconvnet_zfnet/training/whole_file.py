"""Files that are whole or not there: a full disk or a kill leaves the last good one."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write beside ``path``, make sure that it is on the disk, then rename.

    Raises:
        OSError: it could not be written; ``path`` is then as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
