"""The rows of nets of other libraries, and the section of the coverage page that counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from captum_deconvnet_benchmarks.zoo.outside.libraries import LEFT_OUT, LIBRARIES
from captum_deconvnet_benchmarks.zoo.provenance import provenance, table
from captum_deconvnet_benchmarks.zoo.reasons import (
    REASONS,
    ZERO,
    broken_promises,
    is_off,
    operations,
)
from captum_deconvnet_benchmarks.zoo.row import SweepRow, read


@dataclass
class OutsideRow(SweepRow):
    """What the sweep writes about one net of another library.

    Attributes:
        layers: the paths of the stages, separated by blanks.
        patches_error: of ``project_patches`` from ``project``.
        occlusion_error: of :class:`captum_deconvnet.Occlusion` from Captum's.
        occlusion_whole: why occlusion ran the whole net for every window; empty if it did not.
    """

    layers: str = ""
    patches_error: float | None = None
    occlusion_error: float | None = None
    occlusion_whole: str = ""


def broken(row: OutsideRow) -> list[str]:
    """What a row shows to be wrong; empty if all is well."""
    checks = {
        "no layer has units": not row.layers and not row.reason,
        "patches differ from projections": is_off(row.patches_error),
        "occlusion differs from Captum's": is_off(row.occlusion_error),
    }
    promises = [promise for promise in broken_promises(row) if promise != ZERO or not agrees(row)]
    return promises + [promise for promise, is_broken in checks.items() if is_broken]


def agrees(row: OutsideRow) -> bool:
    """Whether the reference's projections are those found: narrow nets have some that vanish."""
    return row.reference_error is not None and not is_off(row.reference_error)


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
    sections = [HEAD, by_library(rows), "### Not right\n" + faults(rows)]
    sections += ["### Tried and left out\n" + left_out()]
    sections += ["### Operations without a rule\n" + fallbacks(rows)]
    return "\n".join([*sections, "### How it was measured\n" + provenance(folder, rows, FILE)])


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
    in_part = sum(not row.occlusion_whole for row in right)
    layers = sum(len(row.layers.split()) for row in rows)
    return [name, f"**{len(right)} of {len(rows)}**", without, in_part, layers]


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
