"""Reads Qt's binary resource files (``.rcc``), which are archives of named files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from captum_deconvnet.errors import DataError

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
