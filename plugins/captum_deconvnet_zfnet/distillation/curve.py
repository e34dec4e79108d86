"""The curve of a distillation: agreement with the teacher over what the pupil has looked at."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from captum_deconvnet.pictures.style import in_plain_style, save
from captum_deconvnet_zfnet.distillation.agreement import Agreement
from captum_deconvnet_zfnet.distillation.round import Round
from captum_deconvnet_zfnet.training.curves import BLUE, GREY, ORANGE
from captum_deconvnet_zfnet.training.whole_file import write_whole

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
    write_whole(path, content.getvalue())
