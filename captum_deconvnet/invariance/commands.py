"""``deconvnet invariance``: how features move when the picture does."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import model_options, without_paths
from captum_deconvnet.cli.output import figure_path
from captum_deconvnet.registry.hookspecs import hookimpl

BORDERS = ("photograph", "fill")
DISTANCES = ("euclidean", "normalised", "cosine")


def numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """A click callback: ``-60:60:5`` (both ends included) or ``1,1.5,2`` as numbers."""
    if value is None:
        return None
    texts = value.split(":" if ":" in value else ",")
    try:
        given = [float(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not FIRST:LAST:STEP or V,V,V.") from error
    if ":" not in value:
        return tuple(given)
    return evenly_spaced(*given) if len(given) == 3 else refuse(value)


def evenly_spaced(first: float, last: float, step: float) -> tuple[float, ...]:
    """The values from ``first`` to ``last``."""
    if step <= 0 or last < first or not (last - first) / step < 100_000:
        refuse(f"{first:g}:{last:g}:{step:g}")
    count = int((last - first) / step + 1e-9) + 1
    return tuple(round(first + step * number, 9) for number in range(count))


def refuse(value: str) -> tuple[float, ...]:
    """Raise for what is no range."""
    raise click.BadParameter(f"{value!r} is no FIRST:LAST:STEP, such as -60:60:5.")


@click.command(
    epilog="""\b
Examples:
  deconvnet invariance torchvision/resnet50 cat.jpg dog.jpg
  deconvnet invariance torchvision/resnet50 cat.jpg --target 281 --out cat.png
  deconvnet invariance torchvision/resnet50 cat.jpg --transform translation --values -60:60:3
  deconvnet invariance torchvision/resnet50 cat.jpg --layers layer1,layer2,layer3,layer4,fc
  deconvnet invariance torchvision/resnet50 photos/ --summary
"""
)
@click.argument("model")
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@model_options
@click.option(
    "--transform",
    "transforms",
    multiple=True,
    callback=without_paths,
    metavar="NAME|FILE.py:FUNCTION",
    help="May be repeated; a function makes the model's input of an image.  "
    "[default: translation, scale, rotation]",
)
@click.option(
    "--values",
    callback=numbers,
    metavar="FIRST:LAST:STEP|V,V,V",
    help="Of the one --transform.  [default: the paper's]",
)
@click.option(
    "--layers", metavar="PATH,PATH", help="Module paths.  [default: the first and last stage]"
)
@click.option(
    "--target", "targets", type=int, multiple=True,
    help="The true label, once or once an image.  [default: the one predicted for the image]",
)  # fmt: skip
@click.option(
    "--distance", type=click.Choice(DISTANCES), default="euclidean", show_default=True,
    help="What the figure shows; the table has all.",
)  # fmt: skip
@click.option(
    "--border", type=click.Choice(BORDERS), default="photograph", show_default=True,
    help="What moves in: more of the photograph as far as it goes, or only the fill.",
)  # fmt: skip
@click.option("--fill", default=0.0, show_default=True, help="In units of the model's input.")
@click.option("--batch-size", type=click.IntRange(1), default=16, show_default=True)
@click.option("--summary", is_flag=True, help="Rank layers and classes over a folder.")
@click.option(
    "--out", metavar="FILE|FOLDER", help="Write here.  [default: IMAGE-MODEL-invariance.png]"
)
def invariance(
    model: str,
    images: tuple[Path, ...],
    *,
    weights: str,
    transforms: tuple[str, ...],
    values: tuple[float, ...] | None,
    layers: str | None,
    targets: tuple[int, ...],
    distance: str,
    border: str,
    fill: float,
    batch_size: int,
    summary: bool,
    out: str | None,
) -> None:
    """Show how the features of MODEL move when IMAGES are moved, enlarged and turned.

    For every transform: a strip of transformed pictures, how far the features of each layer are
    from those of the image itself, and the probability of the true label. Every point goes into a
    table beside the figure, with the ending .csv.

    With --summary, IMAGES is one folder, and its subfolders are classes. Layers and classes are
    ranked in --out, a folder (default: FOLDER-MODEL-invariance), which keeps every finished
    image: a run that was stopped continues where it stopped.
    """
    from captum_deconvnet.files import default_file, default_stem
    from captum_deconvnet.invariance.request import InvarianceRequest

    if values is not None and len(transforms) != 1:
        raise click.UsageError("--values belong to one --transform: give exactly one.")
    request = InvarianceRequest(
        model=model,
        weights=weights,
        transforms=transforms,
        values=values,
        layers=layers,
        border=border,
        fill=fill,
        batch_size=batch_size,
    )
    if summary:
        from captum_deconvnet.invariance.summary import rank_folder

        if len(images) != 1 or targets:
            raise click.UsageError("--summary takes one folder, and its classes for targets.")
        own = default_stem("invariance", model, weights, [images[0].resolve().name])
        rank_folder(request, images[0], Path(out or own))
        return
    from captum_deconvnet.invariance.photograph_figure import draw_photographs

    figure = figure_path(click.get_current_context(), click.Option(["--out"]), out)
    own_file = default_file("invariance", model, weights, images)
    draw_photographs(request, images, targets, distance, figure or own_file)


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet invariance``."""
    cli.add_command(invariance)
