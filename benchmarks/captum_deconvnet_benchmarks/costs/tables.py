"""Tables in documents, written by the commands that measure what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


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
