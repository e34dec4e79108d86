"""The log of a run: one row an epoch, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from captum_deconvnet_zfnet.training.whole_file import write_whole


@dataclass(frozen=True)
class Row:
    """One epoch.

    Args:
        epoch: counted from 1.
        learning_rate: at its end.
        train_loss: mean over its batches, as it was learned: random crops, dropout.
        validation_loss: cross-entropy of the central crops after it.
        validation_error: share of them that are classified wrong, in [0, 1].
        seconds: that it took.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_error: float
    seconds: float


def write_log(path: Path, rows: Sequence[Any]) -> None:
    """Write all rows of a run, which are dataclasses of one kind with numbers in them."""
    text = io.StringIO()
    names = [field.name for field in fields(rows[0])]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.6g}" for name, value in asdict(row).items()} for row in rows)
    write_whole(path, text.getvalue().encode())
