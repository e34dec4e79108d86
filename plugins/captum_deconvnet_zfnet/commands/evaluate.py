"""``deconvnet evaluate``: the accuracy of a net of this plugin."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import asked_device, device_option


@click.command(
    epilog="""\b
Examples:
  deconvnet evaluate
  deconvnet evaluate --data ~/fashion-mnist
  deconvnet evaluate zfnet/zfnet --weights runs/ten/epoch-064.safetensors --data imagenet --classes 10
"""  # noqa: E501
)
@click.argument("model", default="zfnet/fashion_mnist")
@click.option("--weights", default="DEFAULT", show_default=True, help="A tag, or a file.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/usr/share/datasets/fashion-mnist"),
    show_default=True,
    help="Fashion-MNIST's idx files, or a folder of images.",
)
@click.option("--classes", type=click.IntRange(1), help="Only the first so many.  [default: all]")
@device_option
def evaluate(model: str, *, weights: str, data: Path, classes: int | None) -> None:
    """Print how many test images MODEL gets right.

    A folder of images has no test images; its validation images are used. Fashion-MNIST comes with
    Debian's package dataset-fashion-mnist.
    """
    from captum_deconvnet_zfnet.training.judgement import judge

    click.echo(judge(model, weights, data, classes, asked_device()))
