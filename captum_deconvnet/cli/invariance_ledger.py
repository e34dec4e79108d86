"""A file of finished photographs, one line each, that a stopped run goes on from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from captum_deconvnet.errors import ResultsError
from captum_deconvnet.whole_file import write_whole


class Ledger:
    """Results by the key of their photograph; a line is written as soon as it is known.

    Args:
        path: of the file, JSON lines; made if it is missing.
        identity: what all results share, the first line.

    Raises:
        ResultsError: the file has results of another identity, or is no such file.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        """Read what is there."""
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        if not path.exists():
            line = json.dumps(identity) + "\n"
            write_whole(path, lambda part: part.write_text(line, encoding="utf-8"))
        self._read(identity)

    def add(self, key: str, result: dict[str, Any]) -> None:
        """Note one result, on disk before this returns."""
        line = json.dumps({"key": key, "result": result}, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done[key] = result

    def _read(self, identity: dict[str, Any]) -> None:
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a run was killed while it wrote this line
            write_whole(self.path, lambda part: part.write_text(whole, encoding="utf-8"))
        lines = whole.splitlines()
        try:
            head, *entries = (json.loads(line) for line in lines)
            self.done = {entry["key"]: entry["result"] for entry in entries}
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.path} is no file of results: {error}.") from error
        self._check(head, identity)

    def _check(self, head: Any, identity: dict[str, Any]) -> None:
        if head == identity:
            return
        given = head if isinstance(head, dict) else {}
        differ = [name for name in identity if given.get(name) != identity[name]]
        was = ", ".join(f"{name} {given.get(name)!r}" for name in differ)
        now = ", ".join(f"{name} {identity[name]!r}" for name in differ)
        raise ResultsError(
            f"{self.path} has results of another run, with {was}; this one has {now}. "
            "Give another --out."
        )
