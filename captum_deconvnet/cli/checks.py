"""``--checks``: how far the projections of a figure can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

import captum_deconvnet as cdn
from captum_deconvnet.cli.network import to_picture
from captum_deconvnet.cli.output import write_figure
from captum_deconvnet.cli.panels import to_array
from captum_deconvnet.cli.projected import ProjectedLayer
from captum_deconvnet.cli.table import table
from captum_deconvnet.figures.checks import CheckRow, checks_figure
from captum_deconvnet.gallery.trust import Check, TrustChecks

HEAD = ("layer", "map", "pools", "changed", "correlation", "of magnitudes")


def check_units(
    loaded: cdn.LoadedModel,
    inputs: torch.Tensor,
    other: torch.Tensor,
    layers: Sequence[ProjectedLayer],
    relu: str,
) -> list[TrustChecks]:
    """The trust checks of every unit shown; whole maps have none."""
    units = [
        shown.source
        for layer in layers
        for shown in layer.shown
        if isinstance(shown.source, cdn.Unit)
    ]
    progress = tqdm(units, desc="checking", unit="unit", leave=False, disable=None)
    return [cdn.trust_checks(loaded.model, inputs, unit, other, relu=relu) for unit in progress]


def tell(checks: Sequence[TrustChecks]) -> None:
    """Print the correlations as a table."""
    rows = [
        (
            each.unit.layer,
            str(each.unit.channel),
            str(each.pools),
            changed(name, check),
            number(check.correlation),
            number(check.magnitude),
        )
        for each in checks
        for name, check in each.checks.items()
    ]
    click.echo(table(HEAD, rows), err=True)


def draw(
    path: Path,
    title: str,
    loaded: cdn.LoadedModel,
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
            f"{changed(name, check)}\nr {number(check.correlation)}, |r| {number(check.magnitude)}":
            to_array(check.projection)[inside]
            for name, check in each.checks.items()
        }  # fmt: skip
        head = f"{each.unit.layer}\nmap {each.unit.channel}"
        rows.append(CheckRow(head, picture[inside], to_array(each.projection)[inside], pictures))
    write_figure(path, checks_figure(title, rows), title)


def facts(checks: Sequence[TrustChecks]) -> list[dict[str, object]]:
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


def changed(name: str, check: Check) -> str:
    """What a check changed, in few words."""
    return f"other unit: map {check.unit.channel}" if name == "other unit" else name


def number(correlation: float | None) -> str:
    """A correlation with two digits."""
    return "-" if correlation is None else f"{correlation:+.2f}"
