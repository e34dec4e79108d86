"""Debian packages: fetched with ``apt-get download``, unpacked, and looked into.

Some hold their pictures in Qt's binary resource files (``.rcc``), archives of named files.
"""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.photographs.sources import Source

FOLDER, DEFLATED, ZSTANDARD = 2, 1, 4
"""Flags of an entry."""


@dataclass(frozen=True)
class ResourceFile:
    """A resource file's bytes, and where its three tables begin.

    Args:
        content: of the whole file.
    """

    content: bytes

    def __post_init__(self) -> None:
        """Refuse what is no such file.

        Raises:
            DataError: the file does not begin as Qt's resource files do.
        """
        if self.content[:4] != b"qres":
            raise DataError("This is no Qt resource file: it does not begin with 'qres'.")

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of each file, in the order of the tree."""
        yield from self._below(0, "")

    def _header(self) -> tuple[int, int, int, int]:
        version, tree, data, names = struct.unpack_from(">4I", self.content, 4)
        return version, tree, data, names

    def _below(self, number: int, path: str) -> Iterator[tuple[str, bytes]]:
        version, tree, _, _ = self._header()
        entry = tree + number * (14 if version < 2 else 22)
        name, flags = struct.unpack_from(">IH", self.content, entry)
        path += self._name(name) if number else ""
        if flags & FOLDER:
            count, first = struct.unpack_from(">II", self.content, entry + 6)
            for child in range(first, first + count):
                yield from self._below(child, f"{path}/" if path else "")
        elif not flags & ZSTANDARD:
            (offset,) = struct.unpack_from(">I", self.content, entry + 10)
            yield path, self._data(offset, flags)

    def _name(self, offset: int) -> str:
        start = self._header()[3] + offset
        (length,) = struct.unpack_from(">H", self.content, start)
        return self.content[start + 6 : start + 6 + 2 * length].decode("utf-16-be")

    def _data(self, offset: int, flags: int) -> bytes:
        start = self._header()[2] + offset
        (length,) = struct.unpack_from(">I", self.content, start)
        found = self.content[start + 4 : start + 4 + length]
        return zlib.decompress(found[4:]) if flags & DEFLATED else found


ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def fetched(package: str, folder: Path) -> Path:
    """The package's file in ``folder``, fetched if it is not there.

    Raises:
        DataError: it cannot be fetched; says what apt-get said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        _said(["apt-get", "download", package], folder)
        found = sorted(folder.glob(f"{package}_*.deb"))
    return found[-1]


def version(package: Path) -> str:
    """The version of a package's file."""
    return _said(["dpkg-deb", "--field", str(package), "Version"]).strip()


def unpacked(package: Path) -> Path:
    """The folder with the package's files, beside it."""
    folder = package.with_suffix("")
    if not folder.is_dir():
        _said(["dpkg-deb", "--extract", str(package), str(folder)])
    return folder


def pictures(source: Source, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of the pictures that a source names, in order of their paths."""
    found = {**_plain(source, folder), **_in_resource_files(source, folder)}
    for path in sorted(found):
        if path.lower().endswith(ENDINGS) and not any(part in path for part in source.left_out):
            yield path, found[path]


def _plain(source: Source, folder: Path) -> dict[str, bytes]:
    paths = {path for pattern in source.patterns for path in folder.glob(pattern)}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file() and not path.is_symlink()
    }


def _in_resource_files(source: Source, folder: Path) -> dict[str, bytes]:
    return {
        path: content
        for file in sorted(folder.rglob("*.rcc"))
        for path, content in ResourceFile(file.read_bytes()).files()
        if any(fnmatch(path, pattern) for pattern in source.patterns)
    }


def _said(command: list[str], folder: Path | None = None) -> str:
    """What a command printed.

    Raises:
        DataError: there is no such command, or it failed.
    """
    try:
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise DataError(
            f"`{' '.join(command)}` failed ({lines[-1]}): the photographs are in Debian's "
            "packages; apt-get and dpkg-deb are needed to fetch them."
        ) from error
    return done.stdout
