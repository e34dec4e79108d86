"""The log of a distillation: its rounds, and the curve of agreement with the teacher."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from captum_deconvnet.pictures.style import in_plain_style, save
from captum_deconvnet.registry import write_bytes_whole
from captum_deconvnet_zfnet.distillation.agreement import Agreement
from captum_deconvnet_zfnet.training.log import BLUE, GREY, ORANGE


@dataclass(frozen=True)
class Round:
    """What a round was, and how good the pupil is after it.

    Args:
        round: counted from 1.
        size: side of the pupil's pictures.
        crops: that the teacher has looked at since the beginning.
        views: of them that the pupil has learned from since the beginning.
        learning_rate: at its end.
        labels: mean loss to the teacher's labels.
        positions: mean loss to its labels at every position.
        features: mean share of its maps' variance that is not foretold.
        top1: agreement with the teacher's first label on held-out pictures of the pupil's full
            size, by the averaged weights, in [0, 1].
        top5: the teacher's first label is among the first five.
        cross_entropy: mean, to the teacher's soft labels.
        top1_at_size: as ``top1``, on pictures of ``size``.
        seconds: that it took.
    """

    round: int
    size: int
    crops: int
    views: int
    learning_rate: float
    labels: float
    positions: float
    features: float
    top1: float
    top5: float
    cross_entropy: float
    top1_at_size: float
    seconds: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"round {self.round} at {self.size}: labels {self.labels:.3f}, positions "
            f"{self.positions:.3f}, features {self.features:.3f}; held out top-1 {self.top1:.1%} "
            f"({self.top1_at_size:.1%} at {self.size}), top-5 {self.top5:.1%}, cross-entropy "
            f"{self.cross_entropy:.3f}; {self.seconds:.0f} s"
        )


STYLES = {"teacher": ":", "mirrored": "--", "random features": "-."}
"""Lines of what the pupil is compared with."""


@in_plain_style
def curve(rows: Sequence[Round], compared: Mapping[str, Agreement]) -> Figure:
    """Draw the log of a run.

    Args:
        rows: one a round.
        compared: what the pupil is compared with, by name; see ``references``.

    Returns:
        A figure that belongs to no window.
    """
    figure = Figure(figsize=(9, 3.2), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    views = [row.views / 1000 for row in rows]
    right.plot(views, [100 * row.top5 for row in rows], color=ORANGE, label="top-5")
    right.plot(views, [100 * row.top1 for row in rows], color=BLUE, label="top-1")
    left.plot(views, [row.cross_entropy for row in rows], color=BLUE, label="pupil")
    for name, each in compared.items():
        style = STYLES.get(name, ":")
        left.axhline(each.cross_entropy, color=GREY, linestyle=style, label=name)
        if name != "teacher":
            right.axhline(100 * each.top1, color=GREY, linestyle=style, label=f"{name}, top-1")
    left.set(xlabel="thousand views of crops", ylabel="held-out cross-entropy")
    right.set(xlabel="thousand views of crops", ylabel="held-out agreement, %", ylim=(0, 100))
    for side in (left, right):
        side.legend(frameon=False, fontsize="small")
    return figure


def write_curve(path: Path, rows: Sequence[Round], compared: Mapping[str, Agreement]) -> None:
    """Write the curve as PNG."""
    content = io.BytesIO()
    save(curve(rows, compared), content)
    write_bytes_whole(path, content.getvalue())
