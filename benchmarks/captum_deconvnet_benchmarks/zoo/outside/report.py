"""The part of the coverage page on other libraries, counted from their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from captum_deconvnet_benchmarks.zoo.outside.left_out import LEFT_OUT
from captum_deconvnet_benchmarks.zoo.outside.libraries import LIBRARIES
from captum_deconvnet_benchmarks.zoo.outside.row import OutsideRow, broken
from captum_deconvnet_benchmarks.zoo.provenance import provenance
from captum_deconvnet_benchmarks.zoo.reasons import REASONS, operations
from captum_deconvnet_benchmarks.zoo.rows_file import read
from captum_deconvnet_benchmarks.zoo.table import table

FILE = "outside"
"""What the files of these rows are called after."""

HEAD = """\
## Other libraries
Nets of libraries on the package index, built without downloads and with random weights, one random
input each: `deconvnet bench zoo --outside`. They count as right as those above do (a projection
may vanish where the reference's does), and if also `project_patches` is `project` at strong units
and a corner of three layers, and `cdn.Occlusion` is `captum.attr.Occlusion` under four windows,
each to 1e-05. What is explained is the logits, or one tensor of the output where a net returns
several.
"""


def report(folder: Path) -> str:
    """The section for the rows in ``folder``; nothing if there are none."""
    rows = list(read(folder, FILE, OutsideRow).values())
    if not rows:
        return ""
    parts = [HEAD, by_library(rows), "### Not right\n" + faults(rows)]
    parts += ["### Tried and left out\n" + left_out()]
    parts += ["### Operations without a rule\n" + fallbacks(rows)]
    return "\n".join([*parts, "### How it was measured\n" + provenance(folder, rows, FILE)])


def by_library(rows: Sequence[OutsideRow]) -> str:
    """N of N for each library, and of all of them."""
    found = [(library.name, of_library(rows, library.name)) for library in LIBRARIES]
    lines = [library_line(name, own) for name, own in found if own]
    head = ("library", "right", "every operation has a rule", "occlusion in part", "layers")
    return table(head, [*lines, library_line("all", rows)])


def of_library(rows: Sequence[OutsideRow], name: str) -> list[OutsideRow]:
    """The rows of one library."""
    return [row for row in rows if row.library == name]


def library_line(name: str, rows: Sequence[OutsideRow]) -> list[object]:
    """One line of the table."""
    right = [row for row in rows if not broken(row)]
    without = sum(not row.fallback for row in right)
    part = sum(not row.occlusion_whole for row in right)
    layers = sum(len(row.layers.split()) for row in rows)
    return [name, f"**{len(right)} of {len(rows)}**", without, part, layers]


def faults(rows: Sequence[OutsideRow]) -> str:
    """Every net that breaks a promise."""
    return "".join(f"* `{row.model}`: {'; '.join(b)}\n" for row in rows if (b := broken(row))) or (
        "None.\n"
    )


def left_out() -> str:
    """What the table of nets does not have, and why."""
    return "".join(f"* `{name}`: {reason}.\n" for name, reason in LEFT_OUT.items())


def fallbacks(rows: Sequence[OutsideRow]) -> str:
    """Which nets have operations without a rule, and what these are."""
    nets = Counter(
        (f"{row.library}/{row.family}", f"`{operation}`", REASONS.get((row.family, operation)))
        for row in rows
        for operation in operations(row)
    )
    lines = [
        (family, operation, reason or "**unexplained**", count)
        for (family, operation, reason), count in sorted(nets.items(), key=str)
    ]
    return table(("family", "operation", "what it is", "nets"), lines)
