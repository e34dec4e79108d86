"""The coverage page: text and tables counted from the rows of the sweep."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from captum_deconvnet_benchmarks.zoo.census import FEWEST_CONVOLUTIONS, LIBRARIES
from captum_deconvnet_benchmarks.zoo.measure import SAME, TOLERANCE
from captum_deconvnet_benchmarks.zoo.outside import report as outside
from captum_deconvnet_benchmarks.zoo.provenance import provenance, table
from captum_deconvnet_benchmarks.zoo.reasons import REASONS, broken_promises, operations
from captum_deconvnet_benchmarks.zoo.row import (
    AS_WITH_AUTOGRAD,
    FEW_CONVOLUTIONS,
    SweepRow,
    read_rows,
)

HEAD = """\
# Coverage
<!-- Written by `deconvnet bench zoo-report` from benchmarks/results/zoo*.csv: do not edit. -->

Every convolutional net of torchvision and timm, with random weights and one random picture of the
smallest size it takes from 64 pixels up (nets that are built for one size: 128 where timm can
build them for that). The logit and the strongest unit of every stage are
projected, and compared with an independent reference, with autograd and with
`captum.attr.Deconvolution`. timm's nets with fewer than {fewest} convolutions, transformers with a
patch embedding, are not among them; `deconvnet models` offers them too.
"""

PROMISES = """\
A net counts as right if the recorded forward pass is the plain one to the last bit, every
projection is finite and not zero throughout, the projections are within {tolerance:g} (largest
difference over largest value) of the reference and those of `relu="gradient"` of autograd,
operations without a rule have a reason below, and `strict=True` refuses exactly the nets that have
such operations. Where float32 overflows, underflows or is not precise enough for that, the
comparison is in float64.
"""


def report(folder: Path) -> str:
    """The page for the rows in ``folder``."""
    everything = list(read_rows(folder).values())
    rows = [row for row in everything if row.status != FEW_CONVOLUTIONS]
    others = outside.report(folder)
    if not rows:
        return others
    sections = [
        HEAD.format(fewest=FEWEST_CONVOLUTIONS),
        PROMISES.format(tolerance=TOLERANCE),
        headline(rows),
        "## Exceptions\n" + exceptions(rows),
        "## Operations without a rule\n" + fallbacks(rows),
        "## captum.attr.Deconvolution on the same nets\n" + captum(rows),
        "## By family\n" + families(rows),
        "## How it was measured\n" + provenance(folder, rows),
        others,
    ]
    return "\n".join(sections)


def of_library(rows: Iterable[SweepRow], library: str) -> list[SweepRow]:
    """The rows of one library."""
    return [row for row in rows if row.library == library]


def headline(rows: list[SweepRow]) -> str:
    """N of N for each library."""
    lines = []
    for library in LIBRARIES:
        own = of_library(rows, library)
        right = [row for row in own if not broken_promises(row)]
        without = [row for row in right if not row.fallback]
        wide = [row for row in right if row.precision == "float64"]
        lines.append([library, f"**{len(right)} of {len(own)}**", len(without), len(wide)])
    head = ("library", "right", "of these, every operation has a rule", "needed float64")
    return table(head, lines)


def exceptions(rows: list[SweepRow]) -> str:
    """Every net that breaks a promise, and those that keep one in other words."""
    lines = [
        f"* `{row.model}`: {'; '.join(broken)}\n"
        for row in rows
        if (broken := broken_promises(row))
    ]
    fused = [f"`{row.model}`" for row in rows if row.forward == AS_WITH_AUTOGRAD]
    if fused:
        lines.append(
            f"* {', '.join(fused)}: the recorded forward pass is to the last bit that of the model "
            "with gradients enabled. Under `torch.no_grad` torch takes a fused path of its own for "
            "`nn.MultiheadAttention`, which rounds otherwise.\n"
        )
    return "".join(lines) or "None.\n"


def fallbacks(rows: list[SweepRow]) -> str:
    """Which families have products without a rule, and why the gradient is right there."""
    nets = Counter(
        (f"{row.library}/{row.family}", f"`{operation}`", REASONS.get((row.family, operation)))
        for row in rows
        for operation in operations(row)
    )
    lines = [
        (family, operation, reason or "**unexplained**", count)
        for (family, operation, reason), count in sorted(nets.items(), key=str)
    ]
    intro = (
        "There the gradient runs, the receipt says so, and `strict=True` raises. The reference "
        "takes the gradient at the same places.\n\n"
    )
    return intro + table(("family", "operation", "what it is", "nets"), lines)


def captum(rows: list[SweepRow]) -> str:
    """How often Captum's class gives the right projection, and how often the plain gradient."""
    lines = []
    for library in LIBRARIES:
        own = [row for row in of_library(rows, library) if row.captum_error is not None]
        agree = sum(row.captum_error <= TOLERANCE for row in own if row.captum_error is not None)
        plain = sum(bool(row.captum_is_gradient) for row in own)
        failed = sum(bool(row.captum_trouble) for row in of_library(rows, library))
        lines.append([library, len(own), agree, plain, failed])
    head = ("library", "nets", "right", f"the plain gradient, to {SAME:g}", "raised an error")
    return table(head, lines)


def families(rows: list[SweepRow]) -> str:
    """One line a family: nets, right ones, kinds of operations, worst error, typical ratio."""
    found: dict[str, list[SweepRow]] = defaultdict(list)
    for row in rows:
        found[f"{row.library}/{row.family}"].append(row)
    head = (
        "family",
        "nets",
        "right",
        "paper",
        "adjoint",
        "extension",
        "fallback",
        "worst error",
        "deconvnet / gradient norm",
    )
    return table(head, (family_line(name, own) for name, own in sorted(found.items())))


def family_line(name: str, rows: list[SweepRow]) -> list[object]:
    """Operations as shares of all; the ratio of norms is the median's."""
    counts = {
        kind: sum(getattr(row, kind) or 0 for row in rows)
        for kind in ("paper", "adjoint", "extension", "fallback")
    }
    total = sum(counts.values()) or 1
    right = sum(not broken_promises(row) for row in rows)
    errors = [row.reference_error for row in rows if row.reference_error is not None]
    ratios = sorted(row.norm_ratio for row in rows if row.norm_ratio is not None)
    shares = [f"{count / total:.0%}" if count else "" for count in counts.values()]
    worst = (f"{max(errors):.0e}" if max(errors) else "0") if errors else ""
    ratio = f"{ratios[len(ratios) // 2]:.2g}" if ratios else ""
    return [name, len(rows), right, *shares, worst, ratio]
