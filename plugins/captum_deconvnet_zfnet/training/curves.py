"""The curves of a run: losses, and the validation error with the learning rate."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from captum_deconvnet.pictures.style import in_plain_style, save
from captum_deconvnet_zfnet.training.log import Row
from captum_deconvnet_zfnet.training.whole_file import write_whole

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"


@in_plain_style
def curves(rows: Sequence[Row], classes: int) -> Figure:
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


def write_curves(path: Path, rows: Sequence[Row], classes: int) -> None:
    """Write the curves as PNG."""
    content = io.BytesIO()
    save(curves(rows, classes), content)
    write_whole(path, content.getvalue())
