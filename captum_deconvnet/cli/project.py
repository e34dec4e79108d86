"""``deconvnet project``: one image, one figure, a row a layer."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import RULES, layers_option, model_options
from captum_deconvnet.cli.output import figure_path


def positions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[int, ...], ...]:
    """A click callback: each CHANNEL or CHANNEL,ROW,COLUMN as one number or three."""
    return tuple(position(value) for value in values)


def position(value: str) -> tuple[int, ...]:
    """The numbers of one unit, none negative."""
    numbers = [part.strip() for part in value.split(",")]
    if len(numbers) not in (1, 3) or not all(n.isascii() and n.isdigit() for n in numbers):
        raise click.BadParameter(f"{value!r} is not CHANNEL or CHANNEL,ROW,COLUMN: 12 or 12,3,4.")
    return tuple(int(number) for number in numbers)


@click.command(
    epilog="""\b
Examples:
  deconvnet project torchvision/vgg16 cat.jpg
  deconvnet project torchvision/vgg16 cat.jpg --units 3 --out cat.png
  deconvnet project torchvision/vgg16 cat.jpg --layers features.29 --unit 12,3,4
  deconvnet project torchvision/vgg16 cat.jpg --select strongest-map
  deconvnet project torchvision/vgg16 cat.jpg --relu deconvnet --relu guided
  deconvnet project torchvision/vgg16 cat.jpg --select both --checks
  deconvnet project torchvision/vgg16 cat.jpg --json - | jq .layers[].shown
"""
)
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@model_options
@layers_option
@click.option(
    "--unit",
    "units_asked",
    callback=positions,
    multiple=True,
    metavar="CHANNEL[,ROW,COLUMN]",
    help="This unit; may be repeated.",
)
@click.option(
    "--units", "count", type=click.IntRange(1, 12), default=1, show_default=True,
    help="How many of the strongest, side by side.",
)  # fmt: skip
@click.option(
    "--select",
    type=click.Choice(["strongest-unit", "strongest-map", "both"]),
    default="strongest-unit",
    show_default=True,
    help="A single activation, or the map with the largest sum, all positions kept, or both.",
)
@click.option(
    "--relu",
    "rules",
    type=click.Choice(RULES),
    multiple=True,
    help="What rectifiers do on the way back; may be repeated, to compare.  "
    "[default: deconvnet, and guided beside it where no max pool is on the way]",
)
@click.option(
    "--checks",
    is_flag=True,
    help="Also change switches, weights and unit; correlations are printed, and drawn apart.",
)
@click.option(
    "--other", type=click.Path(path_type=Path), metavar="IMAGE",
    help="Another image, whose switches --checks uses.  [default: IMAGE upside down]",
)  # fmt: skip
@click.option("--out", callback=figure_path, metavar="FILE", help="Write the figure here.")
@click.option("--json", "facts", metavar="FILE|-", help="Write the facts here, or to stdout.")
def project(
    model: str,
    image: Path,
    *,
    weights: str,
    layers: str | None,
    units_asked: tuple[tuple[int, ...], ...],
    count: int,
    select: str,
    rules: tuple[str, ...],
    checks: bool,
    other: Path | None,
    out: Path | None,
    facts: str | None,
) -> None:
    """Show what in IMAGE made the units of MODEL fire, layer by layer.

    Each row shows the part of the image that a unit sees beside that unit's projection back to
    the pixels. Without --out and --json the figure is written to IMAGE-MODEL-projections.png, in
    the current folder.
    """
    from captum_deconvnet.cli.array import read_picture
    from captum_deconvnet.cli.names import default_file
    from captum_deconvnet.cli.run import Order, run
    from captum_deconvnet.cli.selection import Request

    if other is not None and not checks:
        raise click.UsageError("--other is for --checks: give that too.")
    if checks and select == "strongest-map":
        raise click.UsageError("--checks are of single units: --select strongest-unit or both.")
    whole_maps = select == "strongest-map"
    if select != "strongest-unit" and any(len(position) == 3 for position in units_asked):
        raise click.UsageError(f"--select {select} keeps all positions: give --unit CHANNEL.")
    if out is None and facts is None:
        out = default_file("projections", model, weights, [image])
    order = Order(
        model=model,
        weights=weights,
        layers=layers,
        request=Request(units_asked, count, whole_maps, both=select == "both"),
        rules=tuple(dict.fromkeys(rules)),
        out=out,
        facts=facts,
        checks=checks,
        other=None if other is None else read_picture(other),
    )
    run(order, read_picture(image), str(image))
