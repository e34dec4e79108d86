"""The commands ``deconvnet occlude`` (the paper's Fig. 7) and ``correspond`` (its Table 1)."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import layers_option, model_options, relu_option
from captum_deconvnet.cli.output import figure_path
from captum_deconvnet.registry.hookspecs import hookimpl


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
@click.option("--layer", metavar="PATH", help="The layer to measure.  [default: the last stage]")
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
    """Slide a square over IMAGE and measure how MODEL's output changes (Zeiler & Fergus, Fig. 7).

    The figure shows the image, the sum of the layer's strongest feature map and its projection,
    the probability of the class, and the most probable class, for every place of the square.
    Without --out it is written to IMAGE-MODEL-occlusion.png, in the current folder.
    """
    from captum_deconvnet.files import default_file
    from captum_deconvnet.occlusion.occlude import OcclusionRequest, draw_occlusion
    from captum_deconvnet.pictures.reading import read_picture

    out = default_file("occlusion", model, weights, [image]) if out is None else out
    request = OcclusionRequest(model, weights, target, window, stride, fill, layer, out, relu)
    draw_occlusion(
        request, read_picture(image), [read_picture(other) for other in others], str(image)
    )


@click.command(
    epilog="""\b
ANNOTATIONS.json names images and the boxes of their parts, in pixels of the image file:
  {"images": ["dog1.jpg", "dog2.jpg"],
   "parts": {"nose": [[120, 90, 30, 40], [100, 84, 32, 38]]}}
A box is [top, left, height, width]; every part has one for each image. Paths are relative to the
file; in place of photographs they may be arrays (C, H, W) as .npy, .npz or .pt files, of any
number of channels. Boxes follow the model's transform, which must keep the whole image or its
middle.

\b
Examples:
  deconvnet correspond torchvision/vgg16 dogs.json
  deconvnet correspond torchvision/vgg16 dogs.json --layers features.29,classifier.4 --random 20
"""
)
@click.argument("model")
@click.argument("annotations", type=click.Path(path_type=Path))
@model_options
@layers_option
@click.option(
    "--random", "random_boxes", type=click.IntRange(0), default=10, show_default=True,
    help="How many draws of random boxes to compare with.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random boxes.")
def correspond(
    model: str,
    annotations: Path,
    *,
    weights: str,
    layers: str | None,
    random_boxes: int,
    seed: int,
) -> None:
    """Does covering the same part of different images change MODEL's features alike?

    Prints, for each layer and part, the mean over pairs of images of the share of features whose
    change differs in sign, and its deviation; lower is more consistent (Zeiler & Fergus, Table 1).
    """
    from captum_deconvnet.cli.output import table
    from captum_deconvnet.occlusion.annotations import read_annotations, scores

    found = scores(model, weights, layers, read_annotations(annotations), random_boxes, seed)
    rows = [
        (path, part, f"{score.mean:.3f} \u00b1 {score.deviation:.3f}", str(score.pairs))
        for path, parts in found.items()
        for part, score in parts.items()
    ]
    click.echo(table(("layer", "part", "distance", "pairs"), rows))


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet occlude`` and ``correspond``."""
    for command in (occlude, correspond):
        cli.add_command(command)
