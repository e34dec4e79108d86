"""Files that are written whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

LETTERS = 30
"""Of a file's name, in the name that it has while it is written: there is room for 255 bytes."""

UNFINISHED = ".*.[0-9]*.part"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then rename it: no reader sees half a file."""
    if path.exists() and not path.is_file():  # a pipe or a device must not be replaced by a file
        write(path)
        return
    target = path.resolve()
    part = target.with_name(f".{target.name[:LETTERS]}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed runs were writing, in a folder that nothing writes in now."""
    for part in folder.rglob(UNFINISHED):
        part.unlink(missing_ok=True)
