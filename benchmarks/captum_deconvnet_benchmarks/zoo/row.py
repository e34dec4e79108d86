"""One row of the sweep: a model and what was found.

A row is written to the sweep's file as soon as it is known.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

PROJECTED = "projected"
FEW_CONVOLUTIONS = "few convolutions"
FAILED = "failed"
TIMEOUT = "timeout"
CRASHED = "crashed"

IDENTICAL = "identical"
AS_WITH_AUTOGRAD = "as with autograd"
DIFFERENT = "different"


AnyRow = TypeVar("AnyRow", bound="SweepRow")


@dataclass
class SweepRow:
    """What the sweep writes about one model.

    Errors are relative: the largest difference over the largest value of the right answer, and the
    worst of the logit and the strongest unit of every stage.

    Attributes:
        model: full name.
        family: the module of its library that defines it.
        status: projected, few convolutions (the sweep leaves it out), failed, timeout or crashed.
        reason: why, if not projected.
        parameters: how many numbers the model learns.
        convolutions: how many of its modules are convolutions.
        input: shape of the input.
        stages: the layers whose strongest units were projected.
        seconds: wall clock for all of it, from build to row.
        peak_memory_mb: of the process, libraries included.
        paper: operations of the backward pass by kind, as are the next three.
        fallbacks: ``module:operation`` of each fallback, separated by blanks.
        forward: ``identical`` if outputs and stages are the plain model's, bit for bit, under
            ``torch.no_grad``; ``as with autograd`` if they are those it has with gradients enabled,
            where torch takes no fused shortcuts; else ``different``.
        strict_agrees: ``strict=True`` raises if and only if there are fallbacks.
        precision: float32, or float64 where float32 under- or overflowed or was not enough.
        finite: all projections are finite.
        zero: how many projections are zero throughout.
        logit_largest: the largest absolute value of the logit's projection, seed 1.
        gradient_error: of ``relu="gradient"`` from autograd.
        reference_error: of the projections from the independent reference; empty if it has none.
        reference_fallbacks: nodes where the reference too took the gradient.
        no_reference: why the reference has no answer.
        captum_error: of ``captum.attr.Deconvolution`` from the reference, at the logit.
        captum_is_gradient: whether that is the plain gradient, to 1e-6.
        captum_trouble: why Captum gave no answer.
        norm_ratio: 2-norm of the logit's projection over that of its gradient.
    """

    model: str
    family: str = ""
    status: str = ""
    reason: str = ""
    parameters: int | None = None
    convolutions: int | None = None
    input: str = ""
    stages: int | None = None
    seconds: float | None = None
    peak_memory_mb: int | None = None
    paper: int | None = None
    adjoint: int | None = None
    extension: int | None = None
    fallback: int | None = None
    fallbacks: str = ""
    forward: str = ""
    strict_agrees: bool | None = None
    precision: str = ""
    finite: bool | None = None
    zero: int | None = None
    logit_largest: float | None = None
    gradient_error: float | None = None
    reference_error: float | None = None
    reference_fallbacks: int | None = None
    no_reference: str = ""
    captum_error: float | None = None
    captum_is_gradient: bool | None = None
    captum_trouble: str = ""
    norm_ratio: float | None = None

    @property
    def library(self) -> str:
        """The name before the slash."""
        return self.model.partition("/")[0]

    def cells(self) -> dict[str, str]:
        """The row as text; numbers with four significant digits, nothing for what is not known."""
        return {name: cell(value) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def of_cells(cls: type[AnyRow], cells: Mapping[str, str]) -> AnyRow:
        """The row that was written as ``cells``."""
        return cls(**{name: READERS[kind](cells[name]) for name, kind in cls.columns().items()})

    @classmethod
    def columns(cls) -> dict[str, str]:
        """The columns of the file, each with its type."""
        return {field.name: str(field.type) for field in dataclasses.fields(cls)}


def cell(value: object) -> str:
    """One value as text."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int | None": lambda text: int(text) if text else None,
    "float | None": lambda text: float(text) if text else None,
    "bool | None": lambda text: text == "True" if text else None,
}


NAME = "zoo"


def rows_path(folder: Path, shard: tuple[int, int], name: str = NAME) -> Path:
    """Where a shard's rows go; ``name`` is what the file is called after."""
    number, count = shard
    return folder / (f"{name}.csv" if count == 1 else f"{name}-{number}-of-{count}.csv")


def append(path: Path, row: SweepRow, kind: type[SweepRow] = SweepRow) -> None:
    """Add one row to a file of rows of ``kind``; the first brings the table's head with it."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(kind.columns()))
        if is_new:
            writer.writeheader()
        writer.writerow(row.cells())


def read_rows(folder: Path) -> dict[str, SweepRow]:
    """The rows of torchvision's and timm's models; see :func:`read`."""
    return read(folder, NAME, SweepRow)


def read(folder: Path, name: str, kind: type[AnyRow]) -> dict[str, AnyRow]:
    """The rows of all shards in a folder by model, sorted; of two for a model, the later."""
    files = sorted(folder.glob(f"{name}*.csv"))
    found = {row.model: row for path in files for row in rows_of(path, kind)}
    return dict(sorted(found.items()))


def rows_of(path: Path, kind: type[AnyRow]) -> Iterator[AnyRow]:
    """The rows of one file."""
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            yield kind.of_cells(cells)
