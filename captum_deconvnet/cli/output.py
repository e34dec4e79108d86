"""What a command writes: figures, JSON, tables and numbers in words; whether it can be written."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captum_deconvnet.errors import OutputError
from captum_deconvnet.files import ORIGIN, readable, write_text_whole, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("jpeg", "jpg", "pdf", "png", "svg", "webp")


def figure_path(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Path | None:
    """A click callback: the path, if its ending names a format that matplotlib writes."""
    if value is None:
        return None
    path = Path(value)
    if path.suffix[1:].lower() not in FORMATS:
        endings = ", ".join(f".{ending}" for ending in FORMATS)
        raise click.BadParameter(f"{value} does not end in one of {endings}.")
    return path


def check_folder(path: Path) -> None:
    """Make sure that ``path`` can be written before anything is worked out for it.

    Raises:
        OSError: its folder is missing or closed to us, or ``path`` is a folder itself.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a folder, not a file", str(path))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "No permission to write in", str(path.parent))


def make_folder(path: Path) -> None:
    """Make a folder, and make sure that files can be written in it, before any work.

    Raises:
        OSError: it is a file, or it, or the folder it would be in, is closed to us.
    """
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "No permission to write in", str(path))


def write_figure(path: Path, figure: Figure, origin: str = "") -> None:
    """Write a figure in the format of the file's ending, and say so on stderr.

    Args:
        path: the file.
        figure: what to write.
        origin: what a PNG file says that it shows; see :func:`default_file`.

    Raises:
        OutputError: the figure is too large for its format.
    """
    from captum_deconvnet.pictures.style import save

    ending = path.suffix[1:].lower()
    about = {ORIGIN: origin} if origin else None
    try:
        write_whole(path, lambda unfinished: save(figure, unfinished, ending, about))
    except ValueError as error:
        width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
        raise OutputError(
            f"A figure of {width} x {height} pixels is too large for {path.name}: show less, or "
            "write a .pdf."
        ) from error
    report_written(path)


def report_written(path: Path | str) -> None:
    """Say on stderr where something was written."""
    click.echo(f"wrote {readable(path)}", err=True)


def write_json(path: str, facts: object) -> None:
    """Write facts as JSON to a file, saying so on stderr, or to stdout if ``path`` is ``-``."""
    text = json.dumps(facts, indent=2, allow_nan=False)
    if path == "-":
        click.echo(text)
        return
    write_text_whole(Path(path), text + "\n")
    report_written(path)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns under their heads, two spaces apart, no line ending in blanks."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def counted(number: int, thing: str) -> str:
    """So many of a thing.

    Example:
        >>> counted(1, "image"), counted(2, "image")
        ('1 image', '2 images')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        found = max(round(seconds), 1)
        return "about 1 second" if found == 1 else f"about {found} seconds"
    minutes = seconds / 60
    return f"about {minutes:.0f} minutes" if minutes < 90 else f"about {minutes / 60:.1f} hours"
