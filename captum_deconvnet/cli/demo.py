"""``deconvnet demo``: the README's picture, without network or files of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from captum_deconvnet.cli.output import figure_path

if TYPE_CHECKING:
    from PIL import Image

MODEL = "offline/craft_vgg16_bn"


@click.command(
    epilog="""\b
Examples:
  deconvnet demo
  deconvnet demo --out docs/demo.png

Needs the offline extra: pip install 'captum-deconvnet[offline]'
"""
)
@click.option(
    "--out",
    callback=figure_path,
    metavar="FILE",
    default="demo.png",
    show_default=True,
    help="Write the figure here.",
)
def demo(out: Path) -> None:
    """Project the VGG16 layers of a text detector, conv1 to conv5, on a photograph of a cat.

    The network is CRAFT's trained trunk and the photograph is scikit-image's; both come with the
    offline extra, so nothing is downloaded. The receipt says which backward rule ran how often.
    """
    from captum_deconvnet.cli.run import Order, run
    from captum_deconvnet.cli.selection import Request

    order = Order(
        model=MODEL,
        weights="DEFAULT",
        layers=None,
        request=Request(count=2),
        rules=("deconvnet", "guided"),
        out=out,
        facts=None,
    )
    recordings = run(order, cat(), "skimage.data.chelsea")
    click.echo(recordings["deconvnet"].receipt)


def cat() -> Image.Image:
    """The photograph, 451 by 300 pixels, CC0, from scikit-image."""
    from PIL import Image

    from captum_deconvnet.errors import ImageError

    try:
        from skimage.data import chelsea
    except ImportError as error:
        raise ImageError(
            "The demo's photograph needs scikit-image: pip install 'captum-deconvnet[offline]'."
        ) from error
    return Image.fromarray(chelsea())  # type: ignore[no-untyped-call]
