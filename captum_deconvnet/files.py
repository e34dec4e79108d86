"""Files of a command: written whole or not at all, named so that people can read them.

A folder can be kept for one run at a time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from PIL import Image

from captum_deconvnet.errors import OutputError

LETTERS = 30
"""Of a file's name, in the name that it has while it is written: there is room for 255 bytes."""

UNFINISHED = ".*.[0-9]*.part"


def write_whole(path: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Let ``write`` fill a file beside ``path``, then rename it: no reader sees half a file.

    Args:
        path: of the file.
        write: fills the file that it is given.
        durable: whether the content must be on the disk before the file takes its name.

    Raises:
        OSError: it could not be written; ``path`` is then as it was.
    """
    if path.exists() and not path.is_file():  # a pipe or a device must not be replaced by a file
        write(path)
        return
    target = path.resolve()
    unfinished = target.with_name(f".{target.name[:LETTERS]}.{os.getpid()}.part")
    try:
        write(unfinished)
        if durable:
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """Write a text file whole, in UTF-8."""
    write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def write_bytes_whole(path: Path, content: bytes) -> None:
    """Write a file whole, and make sure that it is on the disk."""
    write_whole(path, lambda unfinished: unfinished.write_bytes(content), durable=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed runs were writing, in a folder that nothing writes in now."""
    for unfinished in folder.rglob(UNFINISHED):
        unfinished.unlink(missing_ok=True)


LONGEST = 120
"""Bytes of an image's or a model's name in the name of an output."""

KINDS = re.compile(r"-(projections|checks|occlusion|evolution|invariance|demo)(-\d+)?\.png$")
"""How the names end that outputs are given."""

ORIGIN = "Origin"
"""Under this word a PNG file says what it shows."""

LOCK = ".lock"


def readable(name: str | Path) -> str:
    r"""A name on one line: what is no letter is written as its number.

    Example:
        >>> readable("two\nlines.png")
        'two\\nlines.png'
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(name)
    )


def default_file(
    kind: str, model: str, weights: str = "DEFAULT", subjects: Sequence[Path | str] = ()
) -> Path:
    """Where a command writes by default, in the current folder.

    The name has those of the first subject, of the model, and of weights other than the usual
    ones; a number follows where a figure of something else has that name already.

    Args:
        kind: what it is, such as ``"projections"``.
        model: as ``deconvnet models`` lists it.
        weights: a tag, a file, or ``"random"``.
        subjects: image files, or names of what is shown.
    """
    stem = default_stem(kind, model, weights, subjects)
    origin = origin_of(kind, model, weights, subjects)
    names = (Path(f"{stem}.png" if n == 1 else f"{stem}-{n}.png") for n in count(1))
    return next(path for path in names if not path.exists() or written_origin(path) == origin)


def default_stem(
    kind: str, model: str, weights: str = "DEFAULT", subjects: Sequence[Path | str] = ()
) -> str:
    """The names of subject, model, weights and kind, joined."""
    names = [each.stem if isinstance(each, Path) else each for each in subjects[:1]] + [model]
    names += [] if weights == "DEFAULT" else [Path(weights).stem]
    return "-".join(name for name in (*map(without_separators, names), kind) if name)


def without_separators(name: str) -> str:
    """A name that fits in a file's name: no separators, no leading dash or dot, not too long."""
    flat = re.sub(r"[/\\:*?\"<>|\x00-\x1f]+", "-", name).lstrip("-.")
    return os.fsdecode(os.fsencode(flat)[:LONGEST]) if len(os.fsencode(flat)) > LONGEST else flat


def origin_of(
    kind: str, model: str, weights: str = "DEFAULT", subjects: Sequence[Path | str] = ()
) -> str:
    """What distinguishes a figure from those of other commands, models and images."""
    shown = [os.path.abspath(each) if isinstance(each, Path) else each for each in subjects]
    return " | ".join(map(readable, (kind, model, weights, *shown)))


def is_output(path: Path) -> bool:
    """Whether a file is a figure of ours, by its name and by what it says of itself."""
    return bool(KINDS.search(path.name)) and written_origin(path) is not None


def written_origin(path: Path) -> str | None:
    """What a PNG file says that it shows; None if it does not say so."""
    try:
        with Image.open(path) as picture:
            found = picture.info.get(ORIGIN)
    except (OSError, SyntaxError, ValueError):
        return None
    return found if isinstance(found, str) else None


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
