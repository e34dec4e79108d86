"""``deconvnet correspond``: Table 1 for annotated images."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import layers_option, model_options


@click.command(
    epilog="""\b
ANNOTATIONS.json names images and the boxes of their parts, in pixels of the image file:
  {"images": ["dog1.jpg", "dog2.jpg"],
   "parts": {"nose": [[120, 90, 30, 40], [100, 84, 32, 38]]}}
A box is [top, left, height, width]; every part has one for each image. Paths are relative to the
file. Boxes follow the model's transform, which must keep the whole image or its middle.

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

    Prints, for each layer and part, the mean over pairs of images of the part of features whose
    change differs in sign, and its deviation; lower is more consistent (Zeiler & Fergus, Table 1).
    """
    from captum_deconvnet.cli.annotated import read_annotations, scores
    from captum_deconvnet.cli.table import table

    found = scores(model, weights, layers, read_annotations(annotations), random_boxes, seed)
    rows = [
        (path, part, f"{score.mean:.3f} \u00b1 {score.deviation:.3f}", str(score.pairs))
        for path, parts in found.items()
        for part, score in parts.items()
    ]
    click.echo(table(("layer", "part", "distance", "pairs"), rows))
