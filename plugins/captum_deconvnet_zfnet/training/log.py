"""The log of a run: one row an epoch, as CSV and as curves."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from captum_deconvnet.pictures.style import in_plain_style, save
from captum_deconvnet.registry import write_bytes_whole


@dataclass(frozen=True)
class EpochRow:
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
    write_bytes_whole(path, text.getvalue().encode())


BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"


@in_plain_style
def curves(rows: Sequence[EpochRow], classes: int) -> Figure:
    """Draw the log of a run.

    Args:
        rows: one an epoch.
        classes: ln of it is the loss of knowing nothing, drawn as a line.

    Returns:
        A figure that belongs to no window.
    """
    figure = Figure(figsize=(9, 3.2), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [row.epoch for row in rows]
    left.axhline(math.log(classes), color=GREY, linestyle=":", label=f"ln {classes}")
    left.plot(epochs, [row.train_loss for row in rows], color=BLUE, label="train")
    left.plot(epochs, [row.validation_loss for row in rows], color=ORANGE, label="validation")
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    left.legend(frameon=False)
    errors = [100 * row.validation_error for row in rows]
    right.plot(epochs, errors, color=ORANGE)
    right.set(xlabel="epoch", ylabel="validation error, %", ylim=(0, None))
    rate = right.twinx()
    rate.plot(epochs, [row.learning_rate for row in rows], color=GREY, linestyle="--")
    rate.set(ylabel="learning rate (dashed)", yscale="log")
    return figure


def write_curves(path: Path, rows: Sequence[EpochRow], classes: int) -> None:
    """Write the curves as PNG."""
    content = io.BytesIO()
    save(curves(rows, classes), content)
    write_bytes_whole(path, content.getvalue())
