"""Debian packages: fetched with ``apt-get download``, unpacked, and looked into."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.photographs.resource_file import ResourceFile
from captum_deconvnet_zfnet.photographs.sources import Source

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
