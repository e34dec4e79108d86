"""Results of measurements: a JSON file, and a table between markers of a document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from captum_deconvnet.files import write_whole


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows with the same keys as a markdown table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write_between(document: Path, name: str, text: str) -> None:
    """Put ``text`` between the markers ``<!-- name: start -->`` and ``<!-- name: end -->``.

    Raises:
        ValueError: if the document does not have both markers.
    """
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    before, found, rest = document.read_text().partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{document} has no markers {start} and {end}")
    document.write_text(f"{before}{start}\n{text}{end}{after}")


def write_rows(
    path: Path, facts: Mapping[str, object], rows: Sequence[Mapping[str, Any]], **more: object
) -> None:
    """Write the result file: where the rows come from, and the rows."""
    text = json.dumps({"provenance": facts, **more, "rows": rows}, indent=1) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda file: file.write_text(text))


def rows_before(path: Path) -> list[dict[str, Any]]:
    """The rows that a result file has; none if there is no file."""
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"] if path.exists() else []
    return rows
