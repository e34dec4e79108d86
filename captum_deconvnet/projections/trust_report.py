"""Trust checks of a figure's projections (``--checks``): their table, figure and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.output import table, write_figure
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.pictures.display import stretch, to_array
from captum_deconvnet.pictures.reading import to_picture
from captum_deconvnet.pictures.style import LETTERING, in_plain_style
from captum_deconvnet.projections.figure import show_picture, write_caption
from captum_deconvnet.projections.projected_layers import ProjectedLayer
from captum_deconvnet.projections.trust_checks import Check, TrustChecks, trust_checks
from captum_deconvnet.registry import LoadedModel

CELL = 1.45  # inches
CAPTION = 0.4
HEADER = 0.3
PERCENTILE = 99.5


@dataclass(frozen=True, eq=False)
class CheckRow:
    """One unit.

    Args:
        title: which; up to two lines.
        patch: what it saw, (h, w, C) in [0, 1].
        projection: of the unit, (h, w, C), signed.
        changed: the changed projections by their captions.
    """

    title: str
    patch: NDArray[np.floating]
    projection: NDArray[np.floating]
    changed: Mapping[str, NDArray[np.floating]]


@in_plain_style
def checks_figure(title: str, rows: Sequence[CheckRow]) -> Figure:
    """Draw the checks of some units; every projection is stretched by its own factor."""
    columns = 2 + len(rows[0].changed)
    width, height = CELL * columns + 0.2, len(rows) * (CELL + CAPTION) + HEADER
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    grid = figure.add_gridspec(
        len(rows), columns, left=0.1 / width, right=1 - 0.1 / width, bottom=0.02 / height,
        top=1 - (HEADER + CAPTION) / height, wspace=0.05, hspace=CAPTION / CELL,
    )  # fmt: skip
    figure.text(0.1 / width, 1 - 0.16 / height, title, weight="bold", **LETTERING)
    for number, row in enumerate(rows):
        pictures = {"projection": row.projection, **row.changed}
        axes = figure.add_subplot(grid[number, 0])
        show_picture(axes, row.patch)
        write_caption(axes, row.title)
        for place, (text, picture) in enumerate(pictures.items(), start=1):
            axes = figure.add_subplot(grid[number, place])
            show_picture(axes, stretch(picture, PERCENTILE)[0])
            write_caption(axes, text)
    return figure


HEAD = ("layer", "map", "pools", "changed", "correlation", "of magnitudes")


def check_units(
    loaded: LoadedModel,
    inputs: torch.Tensor,
    other: torch.Tensor,
    layers: Sequence[ProjectedLayer],
    relu: str,
) -> list[TrustChecks]:
    """The trust checks of every unit shown; whole maps have none."""
    units = [
        shown.chosen for layer in layers for shown in layer.shown if isinstance(shown.chosen, Unit)
    ]
    progress = tqdm(units, desc="checking", unit="unit", leave=False, disable=None)
    return [trust_checks(loaded.model, inputs, unit, other, relu=relu) for unit in progress]


def print_checks(checks: Sequence[TrustChecks]) -> None:
    """Print the correlations as a table."""
    rows = [
        (
            each.unit.layer,
            str(each.unit.channel),
            str(each.pools),
            change_name(name, check),
            correlation_text(check.correlation),
            correlation_text(check.magnitude),
        )
        for each in checks
        for name, check in each.checks.items()
    ]
    click.echo(table(HEAD, rows), err=True)


def draw_checks(
    path: Path,
    title: str,
    loaded: LoadedModel,
    inputs: torch.Tensor,
    checks: Sequence[TrustChecks],
) -> None:
    """Write the figure of the checks."""
    picture = to_picture(loaded, inputs).cpu().numpy()
    rows = []
    for each in checks:
        box = each.box
        inside = (slice(box.top, box.bottom), slice(box.left, box.right))
        pictures = {
            check_caption(name, check): to_array(check.projection)[inside]
            for name, check in each.checks.items()
        }
        head = f"{each.unit.layer}\nmap {each.unit.channel}"
        rows.append(CheckRow(head, picture[inside], to_array(each.projection)[inside], pictures))
    write_figure(path, checks_figure(title, rows), title)


def checks_facts(checks: Sequence[TrustChecks]) -> list[dict[str, object]]:
    """The checks as JSON."""
    return [
        {
            "layer": each.unit.layer,
            "channel": each.unit.channel,
            "pools": each.pools,
            "changed": {
                name: {
                    "channel": check.unit.channel,
                    "correlation": check.correlation,
                    "magnitude": check.magnitude,
                }
                for name, check in each.checks.items()
            },
        }
        for each in checks
    ]


def change_name(name: str, check: Check) -> str:
    """What a check changed, in few words."""
    return f"other unit: map {check.unit.channel}" if name == "other unit" else name


def check_caption(name: str, check: Check) -> str:
    """What a check changed, and below it both correlations."""
    both = f"r {correlation_text(check.correlation)}, |r| {correlation_text(check.magnitude)}"
    return f"{change_name(name, check)}\n{both}"


def correlation_text(correlation: float | None) -> str:
    """A correlation with two digits."""
    return "-" if correlation is None else f"{correlation:+.2f}"
