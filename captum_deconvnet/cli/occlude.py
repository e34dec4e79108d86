"""``deconvnet occlude``: one image, the panels of Fig. 7."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import model_options, relu_option
from captum_deconvnet.cli.output import figure_path


@click.command(
    epilog="""\b
Examples:
  deconvnet occlude torchvision/vgg16 dog.jpg
  deconvnet occlude torchvision/vgg16 dog.jpg --target "tennis ball" --out ball.png
  deconvnet occlude torchvision/vgg16 dog.jpg --window 48 --stride 8 --fill blur
  deconvnet occlude torchvision/vgg16 dog.jpg --layer features.29 --other cat.jpg
"""
)
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@model_options
@click.option(
    "--target", metavar="CLASS", help="A class by name or number.  [default: the most probable]"
)
@click.option(
    "--window", type=click.IntRange(1), metavar="PIXELS",
    help="Side.  [default: a seventh of the picture, 32 of 224]",
)  # fmt: skip
@click.option(
    "--stride", type=click.IntRange(1), metavar="PIXELS", help="Step.  [default: half a window]"
)
@click.option(
    "--fill",
    type=click.Choice(["grey", "mean", "blur"]),
    default="grey",
    show_default=True,
    help="What covers.",
)
@relu_option
@click.option("--layer", metavar="PATH", help="The layer to watch.  [default: the last stage]")
@click.option(
    "--other", "others", type=click.Path(path_type=Path), multiple=True,
    help="An image to project the same map on; may be repeated.",
)  # fmt: skip
@click.option("--out", callback=figure_path, metavar="FILE", help="Write the figure here.")
def occlude(
    model: str,
    image: Path,
    *,
    weights: str,
    target: str | None,
    window: int | None,
    stride: int | None,
    fill: str,
    relu: str,
    layer: str | None,
    others: tuple[Path, ...],
    out: Path | None,
) -> None:
    """Slide a square over IMAGE and watch what MODEL makes of it (Zeiler & Fergus, Fig. 7).

    The figure shows the image, the sum of the layer's strongest feature map and its projection,
    the probability of the class, and the most probable class, for every place of the square.
    Without --out it is written to IMAGE-MODEL-occlusion.png, in the current folder.
    """
    from captum_deconvnet.cli.array import read_picture
    from captum_deconvnet.cli.names import default_file
    from captum_deconvnet.cli.occluded import Order, run

    out = default_file("occlusion", model, weights, [image]) if out is None else out
    order = Order(model, weights, target, window, stride, fill, layer, out, relu)
    run(order, read_picture(image), [read_picture(other) for other in others], str(image))
